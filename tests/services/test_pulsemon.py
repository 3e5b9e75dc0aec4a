"""Monitors of PulseMon's clients: what becomes of them, and what their webhooks are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from config import Settings
from sentinelweb.core.pulsemon import NewMonitor, UnusableError
from sentinelweb.core.signals import Signal, SignalKind
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, HeartbeatCheck, MonitorCount, User
from sentinelweb.services import audit, channels, delivery, heartbeats, pings, pulsemon, scoping
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.scoping import Program
from tests.conftest import Clock
from tests.support.factories import team_of
from tests.support.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def program(user: User) -> Program:
    return Program(team_of(user).id, can_write=True)


@pytest.fixture
def create(program: Program, settings: Settings) -> Callable[..., HeartbeatCheck]:
    def create(slug: str = "backup-noite", **values: object) -> HeartbeatCheck:
        wanted = {
            "name": "Backup Noturno",
            "slug": slug,
            "interval_seconds": 900,
            "grace_seconds": 120,
        }
        return pulsemon.create(program, NewMonitor(**{**wanted, **values}), settings).heartbeat

    return create


def all_channels() -> list[Channel]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Channel).order_by(Channel.id)))


def test_a_webhook_is_told_of_down_and_up_in_the_seed_s_words(
    create: Callable[..., HeartbeatCheck], receiver: Receiver, settings: Settings, clock: Clock
) -> None:
    heartbeat = create(webhook_url=f"{receiver.url}/hook")

    def ping() -> None:
        assert pings.record([Signal("backup-noite", clock.now, token=heartbeat.token)]) != [None]

    ping()
    for seconds in (901, 120):
        clock.advance(seconds=seconds)
        audit.run(clock.now)
    delivery.run(settings)
    down = {
        "slug": "backup-noite",
        "name": "Backup Noturno",
        "status": "DOWN",
        "occurred_at": "2026-01-07T12:17:01Z",
        "interval_seconds": 900,
        "grace_seconds": 120,
        "last_ping": "2026-01-07T12:00:00Z",
    }
    assert [call.json for call in receiver.calls] == [down]
    assert receiver.calls[0].headers["Content-Type"] == "application/json"

    clock.advance(seconds=9)
    ping()
    delivery.run(settings)
    at = "2026-01-07T12:17:10Z"
    assert [call.json for call in receiver.calls] == [
        down,
        {**down, "status": "UP", "occurred_at": at, "last_ping": at},
    ]


def test_a_failure_that_the_job_reports_is_told_with_its_alias(
    create: Callable[..., HeartbeatCheck], receiver: Receiver, settings: Settings, clock: Clock
) -> None:
    heartbeat = create(webhook_url=receiver.url)
    pings.record([Signal(heartbeat.slug, clock.now, kind=SignalKind.FAIL)])
    delivery.run(settings)
    [call] = receiver.calls
    assert (call.json["slug"], call.json["status"]) == ("backup-noite", "DOWN")


def test_what_was_made_is_counted_once_and_no_more_when_it_is_gone(
    create: Callable[..., HeartbeatCheck], program: Program
) -> None:
    def counted() -> int:
        return db.session.scalar(sa.select(sa.func.sum(MonitorCount.count))) or 0

    create()
    assert counted() == 1
    pulsemon.delete(program, "backup-noite")
    assert counted() == 0


def test_a_taken_slug_leaves_no_channel_behind(create: Callable[..., HeartbeatCheck]) -> None:
    create(webhook_url="https://example.com/a")
    with pytest.raises(InvalidInputError):
        create(webhook_url="https://example.com/b")
    assert [channel.settings["url"] for channel in all_channels()] == ["https://example.com/a"]


class TestItsWebhook:
    def test_goes_with_it(self, create: Callable[..., HeartbeatCheck], program: Program) -> None:
        create(webhook_url="https://example.com/")
        pulsemon.delete(program, "backup-noite")
        assert all_channels() == []

    def test_stays_while_another_monitor_alerts_it(
        self, create: Callable[..., HeartbeatCheck], program: Program, user: User
    ) -> None:
        first = create(webhook_url="https://example.com/")
        second = create("other")
        [channel] = all_channels()
        channels.choose_monitors(user, channel.id, [first.id, second.id])
        pulsemon.delete(program, "backup-noite")
        assert len(all_channels()) == 1
        pulsemon.delete(program, "other")
        assert all_channels() == []

    def test_stays_once_somebody_gave_it_another_body(
        self, create: Callable[..., HeartbeatCheck], program: Program
    ) -> None:
        create(webhook_url="https://example.com/")
        [channel] = all_channels()
        discord = {**channel.settings, "template": "discord"}
        with writing() as session:
            session.execute(sa.update(Channel).values(settings=discord))
        assert pulsemon.get(program, "backup-noite").webhook_url == "https://example.com/"
        pulsemon.delete(program, "backup-noite")
        assert len(all_channels()) == 1

    def test_other_channels_of_the_monitor_stay(
        self,
        create: Callable[..., HeartbeatCheck],
        program: Program,
        user: User,
        make_channel: Callable[..., Channel],
    ) -> None:
        heartbeat = create(webhook_url="https://example.com/")
        for kind in ("webhook", "telegram"):
            channels.choose_monitors(user, make_channel(user, kind).id, [heartbeat.id])
        assert pulsemon.get(program, "backup-noite").webhook_url == "https://example.com/"
        pulsemon.delete(program, "backup-noite")
        assert [channel.kind for channel in all_channels()] == ["webhook", "telegram"]

    @pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://[::ffff:169.254.1.1]/"])
    def test_an_address_that_nobody_may_call_is_refused(
        self, create: Callable[..., HeartbeatCheck], url: str
    ) -> None:
        with pytest.raises(UnusableError):
            create(webhook_url=url)
        assert all_channels() == []


def test_nothing_of_other_teams_is_found(
    create: Callable[..., HeartbeatCheck], other_user: User
) -> None:
    create()
    stranger = Program(team_of(other_user).id, can_write=True)
    assert pulsemon.find(stranger) == []
    for ask in (pulsemon.get, pulsemon.history, pulsemon.delete):
        with pytest.raises(NotFoundError):
            ask(stranger, "backup-noite")


def test_a_pause_is_unknown_and_what_follows_it_too(
    create: Callable[..., HeartbeatCheck], program: Program, user: User, clock: Clock
) -> None:
    heartbeat = create()
    heartbeats.pause(user, heartbeat.id)  # new and paused are one word
    assert pulsemon.history(program, "backup-noite") == []
    heartbeats.resume(user, heartbeat.id)
    pings.record([Signal(heartbeat.slug, clock.now)])
    clock.advance(seconds=5)
    heartbeats.pause(user, heartbeat.id)
    changes = pulsemon.history(program, "backup-noite")
    assert [(change.prev_status, change.new_status) for change in changes] == [
        ("up", "paused"),
        ("new", "up"),
    ]


def test_of_two_changes_at_one_moment_none_is_lost_between_pages(
    create: Callable[..., HeartbeatCheck], program: Program, user: User, clock: Clock
) -> None:
    heartbeat = create()
    for _ in range(3):
        pings.record([Signal(heartbeat.slug, clock.now)])
        heartbeats.pause(user, heartbeat.id)
        heartbeats.resume(user, heartbeat.id)
    whole = [change.id for change in pulsemon.history(program, "backup-noite")]
    seen: list[int] = []
    before: int | None = None
    while page := pulsemon.history(program, "backup-noite", before=before, limit=1):
        before = page[0].id
        seen.append(before)
    assert seen == whole
    assert len(seen) >= 6


def test_the_team_of_the_administrator_is_home(admin: User, settings: Settings) -> None:
    everybody = Program(None, can_write=True)
    wanted = NewMonitor(name="A", slug="a", interval_seconds=1, grace_seconds=0)
    found = pulsemon.create(everybody, wanted, settings)
    assert found.heartbeat.team_id == scoping.home_team(admin)
