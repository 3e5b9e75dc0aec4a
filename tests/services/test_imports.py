"""A team written as a document and read again (services/exports.py, services/imports.py)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sentinelweb.core.export_document import Document
from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    Host,
    Monitor,
    Service,
    StatusChange,
    StatusPage,
    Team,
)
from sentinelweb.services import (
    aliases,
    counts,
    exports,
    heartbeats,
    imports,
    monitors,
    status_pages,
)
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.import_report import Became, Line
from sentinelweb.services.status_pages import PageValues
from tests.support.factories import NOW, team_of


def exported(user, **options) -> dict[str, Any]:
    found = json.loads("".join(exports.write(user, **options)))
    Document.model_validate(found)
    return found


def imported(user, document, *, dry_run=False):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    report = imports.read(content, user, settings(), dry_run=dry_run)
    db.session.rollback()
    db.session.expire_all()
    return report


def told(report) -> list[Line]:
    return [line for line in report.lines if line.text]


def emptied(user) -> None:
    """As on another server: nothing is left of the team."""
    team_id = team_of(user).id
    with writing() as session:
        for service in session.scalars(sa.select(Service).where(Service.team_id == team_id)):
            session.delete(service)
        session.flush()
        for model in (StatusPage, Monitor, Channel):
            for row in session.scalars(sa.select(model).where(model.team_id == team_id)):
                session.delete(row)
    counts.recount()
    db.session.expire_all()


@pytest.fixture
def team(user, make_heartbeat, make_service, make_host, make_channel, clock):
    """A team with something of everything."""
    webhook = make_channel(user, kind="webhook", name="Hook", settings={
        "url": "https://example.com/hook", "method": "POST", "template": "json", "body": "",
        "headers": "Authorization: Bearer hidden-header"})  # fmt: skip
    backup = make_heartbeat(
        user, alias="nightly", token="hidden-token", tags=["a", "b"], sla_target=99.5,
        last_ping=NOW - timedelta(seconds=10), environment="prod",
        created_at=NOW - timedelta(days=1),
    )  # fmt: skip
    make_heartbeat(user, name="Cron", cron_expression="0 3 * * *", cron_timezone="America/Lima")
    heartbeats.pause(user, make_heartbeat(user, name="Paused").id)
    site = make_service(
        user, target="https://me:hidden-password@example.com/x",
        options={"headers": "X-Key: hidden-key", "method": "HEAD"}, interval=30, threshold=2,
    )  # fmt: skip
    host = make_host(user, name="web-1", key_hash="a" * 64, key_hint="sw_abcde")
    agents = make_service(
        user, name="nginx", host_id=host.id, reported_as="nginx", probe="agent", target="nginx",
        next_check_at=None,
    )  # fmt: skip
    with writing() as session:
        for monitor in (backup, site):
            monitors.set_channels(session, monitor, [webhook.id])
        session.add(
            StatusChange(
                monitor_id=backup.id, prev_status="new", new_status="up", note="pinged",
                created_at=NOW - timedelta(hours=1),
            )
        )  # fmt: skip
    page = status_pages.create(user, PageValues("All is well", "ours"))
    status_pages.add_monitors(user, page.id, [site.id, backup.id, agents.id], section="Main")
    return user


@pytest.mark.parametrize("with_history", [False, True])
def test_what_comes_back_is_what_was_written(team, with_history):
    options = {"with_secrets": True, "with_history": with_history}
    before = exported(team, **options)
    key = team_of(team).ping_key
    emptied(team)
    with writing() as session:
        session.execute(sa.update(Team).values(ping_key="another-key-of-22-chars"))
    report = imported(team, before)
    assert report.counted[Became.SKIPPED] == 0, report.lines
    after = exported(team, **options)
    assert after == before
    assert team_of(team).ping_key == key
    expected = counts.by_kind(["heartbeat", "service", "host"])
    counts.recount()
    assert counts.by_kind(["heartbeat", "service", "host"]) == expected


def test_doing_it_again_changes_nothing(team):
    document = exported(team, with_secrets=True)
    emptied(team)
    imported(team, document)
    again = imported(team, document)
    assert {line.became for line in again.lines} == {Became.PRESENT}
    assert exported(team, with_secrets=True) == document


def test_a_dry_run_tells_the_same_and_does_nothing(team):
    document = exported(team, with_secrets=True)
    emptied(team)
    told = imported(team, document, dry_run=True)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Monitor)) == 0
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 0
    assert told.lines == imported(team, document).lines


def test_secrets_are_left_out_unless_asked_for(team):
    text = "".join(exports.write(team))
    assert "hidden" not in text
    assert "a" * 64 not in text
    assert team_of(team).ping_key not in text
    assert "hidden-token" in "".join(exports.write(team, with_secrets=True))


def test_without_secrets_all_comes_back_and_says_what_is_lacking(team):
    document = exported(team)
    emptied(team)
    report = imported(team, document)
    assert report.counted[Became.SKIPPED] == 0
    texts = {line.name: line.text for line in told(report)}
    assert "headers" in texts["Hook"]
    assert "headers" in texts["Website"]
    assert "key" in texts["web-1"]
    assert db.session.scalars(sa.select(Channel)).one().fault


def test_an_import_without_secrets_keeps_those_that_are_there(team):
    document = exported(team)
    document["services"][0] |= {"name": "Renamed"}
    assert imported(team, document).counted[Became.UPDATED] == 1
    assert db.session.scalars(sa.select(Service).where(Service.probe == "http")).one().options == {
        "headers": "X-Key: hidden-key",
        "method": "HEAD",
    }
    assert db.session.scalars(sa.select(HeartbeatCheck.token)).all().count("hidden-token") == 1


def test_what_the_document_says_otherwise_is_changed(team):
    document = exported(team)
    document["heartbeats"][0] |= {"name": "Renamed", "grace_period": 99, "alias": "other"}
    document["services"][0] |= {"interval": 77, "sla_target": 98.5}
    document["hosts"][0] |= {"silent_after": 120}
    report = imported(team, document)
    assert report.counted[Became.UPDATED] == 3, report.lines
    heartbeat = db.session.scalars(sa.select(HeartbeatCheck).where(Monitor.name == "Renamed")).one()
    assert (heartbeat.grace_period, heartbeat.alias) == (99, "other")
    service = db.session.scalars(sa.select(Service).where(Service.interval == 77)).one()
    assert service.sla_target == 98.5
    assert db.session.scalars(sa.select(Host.silent_after)).all() == [120]


def test_what_belongs_to_another_team_is_not_touched(team, other_user):
    document = exported(team, with_secrets=True)
    report = imported(other_user, document)
    skipped = [line.place for line in report.lines if line.became is Became.SKIPPED]
    assert {"heartbeats[0]", "services[0]", "hosts[0]", "status_pages[0]"} <= set(skipped)
    assert "team" in skipped
    owned = sa.select(Monitor).where(Monitor.team_id == team_of(other_user).id)
    assert db.session.scalars(owned).all() == []


def entry(**values):
    return {"slug": "a-slug-of-a-monitor", "name": "Job"} | values


def test_a_channel_that_is_older_than_a_setting_is_known_again(user, make_channel):
    settings = {"url": "https://example.com/hook", "method": "POST"}
    make_channel(user, kind="webhook", name="Hook", settings=settings)
    report = imported(user, exported(user, with_secrets=True))
    assert report.counted[Became.PRESENT] == len(report.lines) > 0


def document(**lists):
    head = {"format": "sentinelweb-team", "version": 1, "exported_at": NOW.isoformat()}
    return head | lists


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"expected_period": 0}, "expected_period"),
        ({"expected_period": "60"}, "expected_period"),
        ({"expected_period": 10**30}, "expected_period"),
        ({"name": "a\0b"}, "control characters"),
        ({"name": "\ud800"}, "name"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"alias": "no good"}, "alias"),
        ({"alias": "start"}, "alias"),
        ({"slug": "../x"}, "slug"),
        ({"tags": "a,b"}, "tags"),
        ({"cron_expression": "0 0 30 2 *"}, "bad day"),
        ({"cron_expression": "0 3 * * *", "cron_timezone": "Nowhere/At_All"}, "time zone"),
        ({"last_ping": "yesterday"}, "last_ping"),
        ({"last_ping": "0001-01-01T00:00:00+14:00"}, "last_ping"),
        ({"unheard": 1}, "unheard"),
        ({"history": [{"previous": "new", "new": "gone", "at": NOW.isoformat()}]}, "history.0.new"),
    ],
)
def test_a_wrong_entry_is_told_with_its_place_and_the_others_are_taken(user, values, reason):
    good = entry(slug="another-good-slug", name="Good")
    report = imported(user, document(heartbeats=[entry(**values), good]))
    wrong = next(line for line in report.lines if line.became is Became.SKIPPED)
    assert wrong.place == "heartbeats[0]"
    assert reason in wrong.text
    assert [row.name for row in db.session.scalars(sa.select(Monitor))] == ["Good"]


@pytest.mark.parametrize("wrong", [None, 5, "x", [], True])
def test_an_entry_that_is_no_object_is_told(user, wrong):
    report = imported(user, document(heartbeats=[wrong], channels={"a": 1}, what=[]))
    assert {line.place for line in report.lines} == {"heartbeats[0]", "channels", "what"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b"[]",
        b"{}",
        b'{"format": "other", "version": 1}',
        b'{"format": "sentinelweb-team", "version": 2}',
        b'{"format": "sentinelweb-team"}',
        b'{"format": "sentinelweb-team", "version": true}',
    ],
)
def test_a_file_that_is_no_export_is_refused_with_a_sentence(user, content):
    with pytest.raises(InvalidInputError) as caught:
        imported(user, content)
    assert caught.value.field == "file"
    assert caught.value.message.endswith(".")


def test_the_same_slug_or_alias_twice_is_told(user):
    twice = [
        entry(alias="one"),
        entry(),
        entry(slug="another-slug", alias="one"),
    ]
    report = imported(user, document(heartbeats=twice))
    assert [line.became for line in report.lines].count(Became.SKIPPED) == 2
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Monitor)) == 1


def test_an_alias_of_another_monitor_of_the_team_is_told(user, make_heartbeat):
    make_heartbeat(user, alias="nightly")
    report = imported(user, document(heartbeats=[entry(alias="nightly")]))
    assert "nightly" in report.lines[0].text
    assert report.lines[0].became is Became.SKIPPED


def test_the_next_deadline_counts_from_the_last_ping_unless_that_is_long_ago(user, clock):
    ago = [10, 10_000]
    entries = [
        entry(
            slug=f"slug-of-{seconds}", expected_period=60, grace_period=30, status="up",
            last_ping=(NOW - timedelta(seconds=seconds)).isoformat(),
        )
        for seconds in ago
    ]  # fmt: skip
    imported(user, document(heartbeats=entries))
    rows = db.session.scalars(sa.select(HeartbeatCheck).order_by(Monitor.id)).all()
    assert [row.next_expected_ping - NOW for row in rows] == [
        timedelta(seconds=50),
        timedelta(seconds=60),
    ]
    assert {row.status for row in rows} == {Status.UP}
    assert [row.overdue_at for row in rows] == [row.next_expected_ping for row in rows]


def test_kinds_and_settings_that_nobody_knows_are_skipped(user):
    channels = [
        {"number": 1, "kind": "pigeon", "name": "Coop"},
        {"number": 2, "kind": "webhook", "name": "No address"},
        {"number": 3, "kind": "webhook", "name": "Odd", "settings": {"what": "x"}},
    ]
    services = [entry(target="gopher://example.com"), entry(slug="other-slug-1", target="")]
    report = imported(user, document(channels=channels, services=services))
    assert {line.became for line in report.lines} == {Became.SKIPPED}
    assert len(told(report)) == 5


def test_a_kind_for_administrators_is_not_for_others(user, admin):
    services = [entry(target="docker:web")]
    assert imported(user, document(services=services)).lines[0].became is Became.SKIPPED
    assert imported(admin, document(services=services)).lines[0].became is Became.CREATED


def test_an_import_that_was_cut_short_is_finished_by_the_next(user):
    entries = [entry(slug=f"slug-number-{n}", name=f"Job {n}") for n in range(1_200)]
    whole = document(heartbeats=entries, services=[entry(target="https://example.com")])
    first = document(heartbeats=entries[:700])
    imported(user, first)
    report = imported(user, whole)
    assert report.counted[Became.PRESENT] == 700
    assert counts.by_status("heartbeat")[Status.NEW] == 1_200


def test_a_thousand_monitors_come_and_go(user):
    entries = [
        entry(slug=f"slug-number-{n}", name=f"Job {n}", alias=f"job-{n}", token=f"token-{n}")
        for n in range(1_000)
    ]
    report = imported(user, document(heartbeats=entries))
    assert report.counted[Became.CREATED] == 1_000
    assert aliases.find_by_token([("job-7", "token-7")])
    assert len(exported(user)["heartbeats"]) == 1_000
