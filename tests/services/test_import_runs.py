"""Imports that workers carry out, with the files that they come from (services/import_runs.py)."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    ImportState,
    Membership,
    MonitorCount,
    Role,
    StatusChange,
    StatusPageItem,
    TeamImport,
    UploadPart,
)
from sentinelweb.services import (
    exports,
    import_runs,
    imports,
    members,
    monitor_imports,
    retention,
    teams,
    uploads,
)
from sentinelweb.services.errors import InvalidInputError, NotAllowedError, NotFoundError
from sentinelweb.services.import_runs import HeldUp
from tests.support.factories import NOW, team_of

pytestmark = pytest.mark.usefixtures("clock")


class KilledError(BaseException):
    """The worker's process ends, wherever it is."""


def document(count=0, **lists) -> bytes:
    """Heartbeats without slug or alias: nothing tells that one is there already."""
    head = {"format": "sentinelweb-team", "version": 1, "exported_at": NOW.isoformat()}
    entries = [{"name": f"Job {number}"} for number in range(count)]
    return json.dumps({**head, "heartbeats": entries, **lists}).encode()


def sent(user, content) -> str:
    return uploads.keep(user, io.BytesIO(content), "team.json")


def work() -> int:
    done = import_runs.run(settings())
    db.session.expire_all()
    return done


def confirmed(user, content) -> str:
    """One that was looked at and is wanted."""
    id_ = sent(user, content)
    work()
    import_runs.confirm(user, id_)
    return id_


def get(id_) -> TeamImport:
    db.session.rollback()
    return db.session.get_one(TeamImport, id_, populate_existing=True)


def names() -> list[str]:
    return list(db.session.scalars(sa.select(HeartbeatCheck.name).order_by(HeartbeatCheck.id)))


@pytest.fixture
def small_batches(monkeypatch):
    for module in (imports, monitor_imports):
        monkeypatch.setattr(module, "BATCH", 3)


@pytest.fixture
def killed_after(monkeypatch):
    """`killed_after(n)`: whoever imports dies in the middle of the batch after so many."""

    def killed_after(batches):
        create, left = monitor_imports._Batch.create, iter(range(batches))

        def dies(batch, session):
            shifts = create(batch, session)
            if next(left, None) is None:
                raise KilledError
            return shifts

        monkeypatch.setattr(monitor_imports._Batch, "create", dies)
        with pytest.raises(KilledError):
            work()
        monkeypatch.setattr(monitor_imports._Batch, "create", create)

    return killed_after


def test_a_file_is_looked_at_and_then_imported(user):
    id_ = sent(user, document(2))
    assert work() == 1
    run = get(id_)
    assert (run.state, run.position, run.total) == (ImportState.LOOKED, 3, 3)
    assert run.counted["created"] == 2
    assert names() == []
    assert work() == 0

    import_runs.confirm(user, id_)
    assert import_runs.is_due(NOW)
    assert work() == 1
    run = get(id_)
    assert (run.state, run.position, run.due_at) == (ImportState.DONE, 3, None)
    assert names() == ["Job 0", "Job 1"]


@pytest.mark.usefixtures("small_batches")
def test_one_that_was_killed_half_way_is_taken_up_behind_what_is_done(user, killed_after, clock):
    id_ = confirmed(user, document(10))
    killed_after(2)
    assert names() == [f"Job {number}" for number in range(6)]
    assert get(id_).position == 7  # the team comes first
    assert not import_runs.is_due(clock.now)

    clock.advance(seconds=import_runs.LEASE.total_seconds())
    assert work() == 1
    assert names() == [f"Job {number}" for number in range(10)]
    run = get(id_)
    assert run.state == ImportState.DONE
    assert run.counted["created"] == 10
    assert run.resumed_at == clock.now
    assert db.session.query(MonitorCount).one().count == 10


@pytest.mark.usefixtures("small_batches")
def test_what_refers_to_what_was_made_before_finds_it_again(user, killed_after):
    hook = {
        "number": 7,
        "kind": "webhook",
        "name": "Hook",
        "settings": {"url": "https://a.example"},
    }
    heartbeats = [
        {"slug": f"job-{number:05}", "name": f"Job {number}", "channels": [7]}
        for number in range(5)
    ]
    items = [{"monitor": "job-00000"}, {"monitor": "job-00004"}]
    page = {"slug": "ours", "title": "Ours", "monitors": items}
    content = document(heartbeats=heartbeats, channels=[hook], status_pages=[page])
    confirmed(user, content)
    killed_after(1)
    import_runs.release(NOW)
    work()
    assert db.session.query(Channel).count() == 1
    assert all(len(row.channels) == 1 for row in db.session.query(HeartbeatCheck))
    assert db.session.query(StatusPageItem).count() == 2


def test_a_worker_that_begins_takes_up_at_once_what_others_had_in_hand(user, killed_after):
    id_ = confirmed(user, document(1))
    killed_after(0)
    assert names() == []
    assert work() == 0
    assert import_runs.release(NOW) == 1
    assert work() == 1
    assert get(id_).state == ImportState.DONE


def test_one_that_always_ends_its_worker_is_given_up(user, killed_after):
    id_ = confirmed(user, document(1))
    for _ in range(import_runs.MAX_ATTEMPTS):
        killed_after(0)
        import_runs.release(NOW)
    assert work() == 0
    run = get(id_)
    assert run.state == ImportState.FAILED
    assert "cut short" in run.error
    assert names() == []


@pytest.mark.usefixtures("small_batches")
def test_whoever_has_lost_it_to_another_worker_stops(user, monkeypatch, clock):
    id_ = confirmed(user, document(7))
    create, lost = monitor_imports._Batch.create, []

    def slow(batch, session):
        shifts = create(batch, session)
        if not lost:
            lost.append(True)
            values = {"claimed_at": NOW + timedelta(seconds=1)}
            session.execute(sa.update(TeamImport).values(values))
        return shifts

    monkeypatch.setattr(monitor_imports._Batch, "create", slow)
    work()
    assert names() == []
    assert get(id_).position == 0


def test_a_team_has_one_import_at_a_time(user, other_user, clock):
    first, second, theirs = (sent(who, document(1)) for who in (user, user, other_user))
    work()
    for who, id_ in ((user, first), (user, second), (other_user, theirs)):
        import_runs.confirm(who, id_)
    with writing() as session:
        run = session.get_one(TeamImport, first)
        run.claimed_at, run.due_at = NOW, NOW + import_runs.LEASE
    assert import_runs.held_up(get(second)) is HeldUp.ANOTHER
    assert work() == 1
    assert get(theirs).state == ImportState.DONE
    assert get(second).state == ImportState.IMPORTING

    clock.advance(minutes=2)
    assert work() == 1
    assert (get(first).state, get(second).state) == (ImportState.DONE, ImportState.IMPORTING)
    clock.advance(seconds=import_runs.WAIT.total_seconds())
    assert work() == 1
    assert get(second).state == ImportState.DONE


def test_confirming_again_while_it_is_imported_changes_nothing(user):
    id_ = confirmed(user, document(1))
    import_runs.confirm(user, id_)
    work()
    import_runs.confirm(user, id_)
    assert work() == 0
    assert names() == ["Job 0"]


def test_one_that_is_imported_cannot_be_cancelled(user):
    id_ = confirmed(user, document(1))
    import_runs.cancel(user, id_)
    assert get(id_).state == ImportState.IMPORTING


def test_what_the_database_refuses_is_told_and_the_rest_imported(user, monkeypatch):
    """Somebody else comes between looking and writing."""
    taken = [{"slug": f"job-{number:05}", "name": f"Job {number}"} for number in range(3)]
    id_ = confirmed(user, document(heartbeats=taken))
    update = monitor_imports._Batch.update

    def somebody_comes_between(batch):
        update(batch)
        with writing() as session:
            session.add(
                HeartbeatCheck(
                    team_id=team_of(user).id, slug="job-00001", name="First", created_at=NOW,
                    updated_at=NOW, status="new", status_since=NOW,
                )
            )  # fmt: skip

    monkeypatch.setattr(monitor_imports._Batch, "update", somebody_comes_between)
    work()
    assert sorted(names()) == ["First", "Job 0", "Job 2"]
    run = get(id_)
    assert (run.counted["created"], run.counted["skipped"]) == (2, 1)
    assert run.told[0]["place"] == "heartbeats[1]"


def test_only_who_may_change_channels_imports_or_sees_secrets(user, other_user):
    id_ = sent(user, document(1))
    work()
    with writing() as session:
        session.execute(sa.update(Membership).values(role=Role.MEMBER))
    for refused in (
        lambda: import_runs.confirm(user, id_),
        lambda: import_runs.cancel(user, id_),
        lambda: sent(user, document(1)),
        lambda: exports.write(user, with_secrets=True),
    ):
        with pytest.raises(NotAllowedError):
            refused()
    assert "".join(exports.write(user))
    with pytest.raises(NotFoundError):
        import_runs.confirm(other_user, id_)


def test_who_has_lost_their_role_imports_nothing_any_more(user):
    id_ = confirmed(user, document(1))
    with writing() as session:
        session.execute(sa.update(Membership).values(role=Role.MEMBER))
    work()
    assert get(id_).state == ImportState.FAILED
    assert names() == []


def test_whoever_is_removed_from_the_team_meanwhile_changes_nothing_more(
    user, other_user, make_heartbeat, monkeypatch
):
    team_id = team_of(other_user).id
    members.add(team_id, user.email, Role.ADMIN, by=other_user)
    teams.make_home(user, team_id)
    heartbeat = make_heartbeat(other_user, name="As exported")
    content = "".join(exports.write(user)).encode()
    heartbeat.name = "As it is"
    db.session.commit()
    id_ = confirmed(user, content)

    def removed_meanwhile(run, sender, check=import_runs._check_rights):
        check(run, sender)
        members.remove(team_id, sender.id, by=other_user)

    monkeypatch.setattr(import_runs, "_check_rights", removed_meanwhile)
    work()

    run = get(id_)
    assert (run.state, run.claimed_at) == (ImportState.FAILED, None)
    assert "may not change this team any more" in run.error
    assert names() == ["As it is"]


def test_many_lines_are_told_as_a_number(user, monkeypatch):
    monkeypatch.setattr(import_runs, "MAX_LINES", 2)
    id_ = sent(user, document(heartbeats=[{"name": ""}] * 5))
    work()
    run = get(id_)
    assert (len(run.told), run.told_count, run.counted["skipped"]) == (2, 5, 5)


def test_history_comes_along(user):
    change = {"previous": "new", "new": "up", "at": (NOW - timedelta(days=1)).isoformat()}
    confirmed(user, document(heartbeats=[{"name": "A", "history": [change] * 3}]))
    work()
    assert db.session.query(StatusChange).count() >= 3


def test_a_file_comes_back_as_it_was(user, monkeypatch):
    monkeypatch.setattr(uploads, "PART", 10)
    content = bytes(range(256)) * 3
    with uploads.as_file(sent(user, content)) as path:
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o077 == 0
    assert not path.exists()


def test_a_file_that_is_over_is_deleted_with_its_secrets(user):
    confirmed(user, document(1))
    assert db.session.query(UploadPart).count() == 1
    work()
    assert db.session.query(UploadPart).count() == 0


def test_what_is_too_large_or_empty_leaves_nothing(user, monkeypatch):
    monkeypatch.setattr(uploads, "PART", 10)
    monkeypatch.setattr(uploads, "MAX_BYTES", 25)
    for content in (b"x" * 26, b""):
        with pytest.raises(InvalidInputError):
            sent(user, content)
    assert db.session.query(TeamImport).count() == db.session.query(UploadPart).count() == 0


def test_retention_forgets_what_nobody_confirmed_and_old_results(user, clock):
    unwanted, done = sent(user, document(1)), confirmed(user, document(1))
    work()
    wanted = confirmed(user, document(1))
    clock.advance(minutes=61)
    assert retention.prune(clock.now, settings())["team_imports"] == 1
    left = set(db.session.scalars(sa.select(TeamImport.id)))
    assert left == {done, wanted}
    assert unwanted not in left
    clock.advance(days=1)
    assert retention.prune(clock.now, settings())["team_imports"] == 1
    assert set(db.session.scalars(sa.select(TeamImport.id))) == {wanted}
    assert db.session.query(UploadPart).count() == 1


def test_a_user_keeps_no_more_than_a_few_files(user, other_user, clock):
    theirs = sent(other_user, document(1))
    kept = []
    for _ in range(uploads.MAX_KEPT + 2):
        kept.append(sent(user, document(1)))
        work()
        clock.advance(seconds=1)
    left = set(db.session.scalars(sa.select(TeamImport.id)))
    assert left == {theirs, *kept[-uploads.MAX_KEPT :]}
