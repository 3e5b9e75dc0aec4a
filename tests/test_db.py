"""Transactions and times: `writing()` on both databases, SQLite's locks, aware UTC."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from config import Settings
from sentinelweb import create_app
from sentinelweb.db import after_commit, db, is_away, writing
from sentinelweb.models import Component, HeartbeatCheck, Membership, Team, User
from tests.support.factories import NOW
from tests.support.parallel import python, together


def names() -> list[str]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Component.name).order_by(Component.name)))


def add(name: str) -> None:
    with writing() as session:
        session.add(Component(name=name, seen_at=NOW))


def fail() -> None:
    raise ZeroDivisionError


def test_what_is_written_is_committed_at_the_end(app: Flask) -> None:
    add("worker")
    db.session.rollback()
    assert names() == ["worker"]


def test_what_fails_is_rolled_back_whole(app: Flask) -> None:
    def add_and_fail() -> None:
        with writing():
            add("worker")  # joins the outer transaction
            db.session.flush()
            fail()

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    assert names() == []


def test_after_a_failure_the_next_transaction_works(app: Flask) -> None:
    add("worker")
    with pytest.raises(IntegrityError):
        add("worker")
    add("scheduler")
    assert names() == ["scheduler", "worker"]


def test_a_database_that_is_away_is_told_from_a_statement_that_makes_no_sense(
    app: Flask, tmp_path: Path
) -> None:
    with pytest.raises(DBAPIError) as nonsense:
        db.session.execute(sa.text("SELECT nothing FROM nowhere"))
    assert not is_away(nonsense.value)
    for url in (f"sqlite:///{tmp_path}/no/such/directory", "postgresql+psycopg://127.0.0.1:9/x"):
        with pytest.raises(DBAPIError) as away:
            sa.create_engine(url).connect()
        assert is_away(away.value)


def test_callbacks_run_once_the_outermost_transaction_is_committed(app: Flask) -> None:
    seen: list[list[str]] = []
    with writing():
        with writing() as session:
            session.add(Component(name="worker", seen_at=NOW))
            after_commit(lambda: seen.append(names()))
        assert seen == []
    assert seen == [["worker"]]


def test_callbacks_never_run_after_a_rollback(app: Flask) -> None:
    called: list[bool] = []

    def add_and_fail() -> None:
        with writing():
            after_commit(lambda: called.append(True))
            fail()

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    add("worker")
    assert called == []


def test_a_callback_may_write_in_a_transaction_of_its_own(app: Flask) -> None:
    with writing():
        after_commit(lambda: add("worker"))
    assert names() == ["worker"]


def test_who_has_read_before_can_write_although_others_wrote_meanwhile(app: Flask) -> None:
    """SQLite lets no old reading transaction write: "database is locked", without waiting."""
    assert names() == []
    with app.app_context():
        add("worker")
        db.session.remove()
    add("scheduler")
    assert names() == ["scheduler", "worker"]


def test_a_reader_is_not_kept_waiting_by_a_writer(app: Flask) -> None:
    with writing() as session:
        session.add(Component(name="worker", seen_at=NOW))
        session.flush()
        with app.app_context():
            assert names() == []
            db.session.remove()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_commit_that_fails_holds_up_no_other_writer(app: Flask, settings: Settings) -> None:
    """As on a full disk, which is noticed by the COMMIT, not by the statements before it."""

    def add_an_orphan() -> None:
        with writing() as session:
            session.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
            session.add(Membership(user_id=99, team_id=99, role="owner"))

    with pytest.raises(IntegrityError):
        add_an_orphan()
    with (settings.data_dir / "sentinelweb.db.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    add("worker")
    assert names() == ["worker"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_writer_waits_for_the_one_before(app: Flask) -> None:
    first_has_begun = threading.Event()
    order: list[str] = []

    def first() -> None:
        with writing():
            first_has_begun.set()
            time.sleep(0.2)
            order.append("first")

    def second() -> None:
        first_has_begun.wait(10)
        with writing():
            order.append("second")

    together(app, [first, second])
    assert order == ["first", "second"]


def test_writers_in_many_threads_and_processes_get_no_error_and_lose_nothing(
    app: Flask, user: User, make_heartbeat: Callable[..., HeartbeatCheck]
) -> None:
    heartbeat = make_heartbeat(user)
    db.session.commit()
    code = f"""
import threading
import sqlalchemy as sa
from sentinelweb.db import writing
from sentinelweb.models import HeartbeatCheck

failures = []

def write():
    try:
        with app.app_context():
            for _ in range(20):
                db.session.get(HeartbeatCheck, {heartbeat.id})
                with writing() as session:
                    session.execute(
                        sa.update(HeartbeatCheck.__table__).values(
                            total_pings=HeartbeatCheck.__table__.c.total_pings + 1
                        )
                    )
    except Exception as error:
        failures.append(repr(error))

threads = [threading.Thread(target=write) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failures)
"""
    with ExitStack() as stack:
        processes = [stack.enter_context(python(code, app)) for _ in range(3)]
        outputs = [process.communicate(timeout=60)[0].strip() for process in processes]

    assert outputs == ["[]"] * 3
    db.session.refresh(heartbeat)
    assert heartbeat.total_pings == 3 * 4 * 20


def test_a_time_without_a_zone_cannot_be_stored(app: Flask) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        db.session.execute(
            sa.insert(Component).values(name="worker", seen_at=NOW.replace(tzinfo=None))
        )


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        datetime(2026, 1, 7, 9, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=-3))),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, tzinfo=UTC),
    ],
)
def test_a_time_comes_back_as_the_same_instant_in_utc(app: Flask, moment: datetime) -> None:
    with writing() as session:
        session.add(Component(name="worker", seen_at=moment))
    db.session.expire_all()
    stored = db.session.get_one(Component, "worker").seen_at
    assert stored == moment
    assert stored.tzinfo is UTC


def test_times_are_compared_as_instants_in_the_database(app: Flask) -> None:
    moments = {
        "a": NOW - timedelta(microseconds=1),
        "b": NOW.astimezone(timezone(timedelta(hours=12))),
        "c": NOW + timedelta(microseconds=1),
        "d": NOW + timedelta(seconds=1),
    }
    with writing() as session:
        session.add_all(Component(name=name, seen_at=moment) for name, moment in moments.items())
    query = sa.select(Component.name).where(Component.seen_at > NOW)
    assert list(db.session.scalars(query.order_by(Component.seen_at))) == ["c", "d"]


def test_foreign_keys_are_enforced(app: Flask, user: User) -> None:
    membership = sa.insert(Membership).values(team_id=4711, user_id=user.id, role="owner")

    def add_orphan() -> None:
        with writing() as session:
            session.execute(membership)

    with pytest.raises(IntegrityError):
        add_orphan()
    with writing() as session:
        session.execute(sa.delete(Team))
    assert db.session.scalars(sa.select(Membership)).all() == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "pragma",
    [
        pytest.param(2, marks=pytest.mark.settings(sqlite_synchronous="FULL")),
        pytest.param(1, marks=pytest.mark.settings(sqlite_synchronous="NORMAL")),
    ],
)
def test_the_setting_decides_what_a_power_cut_may_take(app: Flask, pragma: int) -> None:
    assert db.session.scalar(sa.text("PRAGMA synchronous")) == pragma
    assert db.session.scalar(sa.text("PRAGMA journal_mode")) == "wal"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nobody_else_on_the_machine_may_read_the_database(
    tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / "private" / "sentinelweb.db"
    app = create_app(settings.model_copy(update={"database_url": f"sqlite:///{file}"}))
    with app.app_context():
        db.create_all()
        modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
        db.engine.dispose()
    assert {f"{file.name}-wal", f"{file.name}-shm", file.name} <= set(modes)
    assert set(modes.values()) == {0o600}
