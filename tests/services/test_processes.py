"""The registry of processes (seed 003): registered, alive, silent, ended."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.core.beats import Beat
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import Component, Delivery, Outage, Process, StatusChange
from sentinelweb.services import (
    api_keys,
    counts,
    outages,
    process_beats,
    process_tokens,
    process_watch,
    processes,
)
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.monitor_list import ListQuery
from sentinelweb.services.processes import End, ProcessValues
from tests.support.factories import NOW
from tests.support.parallel import together


@pytest.fixture(autouse=True)
def _clock(clock):
    """Everything here happens at moments that the tests choose."""


def register(user, *, keep_alive=True, **values):
    return processes.register(user, ProcessValues(**values), keep_alive=keep_alive)


def watch(clock):
    statistics = process_watch.run(clock.now)
    db.session.expire_all()
    return statistics


def beat(process, clock, **told):
    [receipt] = process_beats.record([Beat(process.slug, clock.now, **told)])
    db.session.expire_all()
    return receipt


def alive(user, clock):
    return [p.id for p in processes.find(user, ListQuery(), clock.now, alive_only=True)]


def deliveries():
    return [
        (row.event, row.facts["note"])
        for row in db.session.scalars(sa.select(Delivery).order_by(Delivery.id))
    ]


@pytest.mark.parametrize(("keep_alive", "shape"), [(True, "Long"), (False, "Short")])
def test_a_process_is_alive_from_its_registration_on(user, clock, keep_alive, shape):
    process = register(user, keep_alive=keep_alive)
    assert re.fullmatch(rf"{shape}LivedProcess_[\w-]{{22}}", process.slug)
    assert (process.status, process.last_heartbeat) == ("up", NOW)
    assert processes.is_alive(process, clock.now)
    assert alive(user, clock) == [process.id]


def test_a_short_lived_one_expires_without_an_alert(user, make_channel, clock):
    channel = make_channel(user)
    process = register(user, keep_alive=False, channel_ids=[channel.id])
    clock.advance(seconds=30)
    assert watch(clock).alive == 1
    clock.advance(seconds=1)
    assert alive(user, clock) == []
    statistics = watch(clock)
    assert (statistics.expired, statistics.down, statistics.alive) == (1, 0, 0)
    assert (process.status, process.ended_at) == ("paused", clock.now)
    assert deliveries() == []
    assert [p.id for p in processes.find(user, ListQuery(), clock.now)] == [process.id]


def test_a_long_lived_one_that_falls_silent_is_told_of_once(user, make_channel, clock):
    make_channel(user)
    process = register(user, name="Import")
    clock.advance(seconds=20)
    beat(process, clock, progress=40.0, message="Row 4,000", host="worker-1")
    clock.advance(seconds=30)
    assert watch(clock).down == 0
    clock.advance(seconds=1)
    statistics = watch(clock)
    assert (statistics.down, statistics.alerts) == (1, 1)
    assert watch(clock).down == 0
    [delivery] = db.session.scalars(sa.select(Delivery))
    facts = delivery.facts
    assert (delivery.event, facts["note"], facts["silent_for"]) == ("down", "silent", 31)
    assert (facts["message"], facts["progress"], facts["host"]) == ("Row 4,000", 40, "worker-1")


def test_a_heartbeat_brings_it_back(user, make_channel, clock):
    make_channel(user)
    process = register(user)
    clock.advance(seconds=31)
    watch(clock)
    clock.advance(seconds=9)
    assert beat(process, clock)
    assert process.status == "up"
    assert deliveries() == [("down", "silent"), ("up", "answered")]
    assert alive(user, clock) == [process.id]


def test_what_a_heartbeat_does_not_tell_stays(user, clock):
    process = register(user, host="worker-1")
    beat(process, clock, progress=10.0, message="Begun")
    beat(process, clock, progress=20.0)
    assert (process.progress, process.message, process.host) == (20, "Begun", "worker-1")


def test_heartbeats_of_many_are_recorded_in_one_go(user, clock):
    first, second = register(user), register(user, keep_alive=False)
    clock.advance(seconds=5)
    beats = [Beat(slug, clock.now) for slug in (second.slug, "LongLivedProcess_x", first.slug)]
    receipts = process_beats.record([*beats, Beat(first.slug, clock.now, progress=5.0)])
    db.session.expire_all()
    assert [receipt is not None for receipt in receipts] == [True, False, True, True]
    assert first.last_heartbeat == second.last_heartbeat == clock.now
    assert first.progress == 5


def test_a_key_speaks_for_the_processes_of_its_team(user, other_user, clock):
    process = register(user)
    for owner, can_write, accepted in [
        (user, True, True),
        (user, False, False),
        (other_user, True, False),
    ]:
        key, _secret = api_keys.create(owner, name="Key", can_write=can_write)
        assert (beat(process, clock, key_hash=key.key_hash) is not None) is accepted


def test_a_clean_end_alerts_nobody(user, make_channel, clock):
    make_channel(user)
    process = register(user)
    clock.advance(seconds=5)
    processes.end(user, process.slug, End())
    assert (process.status, process.ended_at) == ("paused", clock.now)
    assert deliveries() == []
    assert processes.find(user, ListQuery(), clock.now) == []
    assert beat(process, clock) is None
    clock.advance(seconds=60)
    assert watch(clock).down == 0
    with pytest.raises(NotFoundError):
        processes.end(user, process.slug, End())


def test_an_end_with_an_exit_status_is_a_failure(user, make_channel, clock):
    make_channel(user)
    process = register(user)
    processes.end(user, process.slug, End(exit_status=3, output="no such file", message="Failed"))
    assert (process.status, process.exit_status, process.output) == ("down", 3, "no such file")
    assert deliveries() == [("down", "exit 3")]


def test_one_that_went_down_can_be_ended_and_is_an_incident_no_longer(user, make_channel, clock):
    make_channel(user)
    process = register(user)
    clock.advance(seconds=31)
    watch(clock)
    processes.end(user, process.slug, End())
    assert process.status == "paused"
    assert deliveries() == [("down", "silent")]


def test_the_living_cannot_be_dismissed_and_the_dead_can(user, clock):
    process = register(user, name="Import")
    with pytest.raises(NotFoundError):
        processes.dismiss(user, process.slug)
    clock.advance(seconds=31)
    watch(clock)
    assert processes.dismiss(user, process.slug) == "Import"
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Process)) == 0
    assert sum(counts.by_status("process").values()) == 0


def test_what_ended_is_forgotten_after_its_time(user, clock, monkeypatch):
    monkeypatch.setattr(processes, "FORGOTTEN_AT_ONCE", 2)
    living = register(user, expiry=86_400)
    for _process in range(5):
        processes.end(user, register(user).slug, End())
    assert processes.forget(clock.now) == 0
    clock.advance(seconds=1)
    processes.end(user, register(user).slug, End())
    assert processes.forget(clock.now) == 5
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Process)) == 2
    kept = counts.by_status("process")
    assert (kept["paused"], kept["up"]) == (1, 1)
    assert processes.is_alive(living, clock.now)


def test_the_counts_follow(user, clock):
    long, short = register(user), register(user, keep_alive=False)
    clock.advance(seconds=31)
    watch(clock)
    kept = counts.by_status("process")
    counts.recount()
    assert kept == counts.by_status("process")
    assert (kept["down"], kept["paused"]) == (1, 1)
    assert {long.status, short.status} == {"down", "paused"}


@pytest.mark.settings(process_keepalive="server")
def test_the_demonstration_keeps_long_lived_ones_alive_by_itself(user, clock):
    long, short = register(user), register(user, keep_alive=False)
    for _look in range(10):
        clock.advance(seconds=5)
        watch(clock)
    assert alive(user, clock) == [long.id]
    assert short.status == "paused"
    processes.end(user, long.slug, End())
    clock.advance(seconds=5)
    assert watch(clock).alive == 0


def test_nobody_is_blamed_for_our_own_outage(user, make_channel, clock):
    make_channel(user)
    process = register(user)
    with writing() as session:
        session.add(
            Outage(began_at=NOW + timedelta(seconds=5), ended_at=NOW + timedelta(seconds=90))
        )
    clock.advance(seconds=100)
    assert watch(clock).down == 0
    assert process.overdue_at == NOW + timedelta(seconds=120)
    clock.advance(seconds=21)
    assert watch(clock).down == 1


def test_while_nobody_can_be_heard_nobody_is_silent(user, clock):
    with writing() as session:
        session.merge(Component(name=outages.WEB, seen_at=NOW))
    register(user)
    clock.advance(seconds=600)
    assert not process_watch.is_due(clock.now)
    assert watch(clock).down == 0


def test_of_many_looks_at_once_one_judges(app, user, make_channel, clock):
    make_channel(user)
    for _process in range(20):
        register(user)
    clock.advance(seconds=31)
    together(app, [lambda: process_watch.run(clock.now)] * 4)
    assert len(deliveries()) == 20
    changes = sa.select(sa.func.count()).where(StatusChange.new_status == "down")
    assert db.session.scalar(changes) == 20


def test_lists_are_searched_and_go_on_page_by_page(user, clock):
    first = register(user, name="Import", tags=["nightly"], host="a")
    second = register(user, name="Export", host="b")
    find = processes.find
    assert find(user, ListQuery(search="import"), NOW) == [first]
    assert find(user, ListQuery(tag="nightly"), NOW) == [first]
    assert find(user, ListQuery(), NOW, host="b") == [second]
    assert find(user, ListQuery(), NOW, limit=1) == [first]
    assert find(user, ListQuery(), NOW, after=first.id) == [second]


@pytest.mark.parametrize("action", [processes.get, processes.dismiss, processes.end])
def test_those_of_another_team_are_not_found(user, other_user, clock, action):
    process = register(other_user)
    how = [End()] if action is processes.end else []
    for process_id in (process.slug, "LongLivedProcess_x", "", "\0"):
        with pytest.raises(NotFoundError):
            action(user, process_id, *how)
    assert processes.find(user, ListQuery(), NOW) == []


def test_a_channel_of_another_team_is_refused(user, other_user, make_channel):
    with pytest.raises(NotFoundError):
        register(user, channel_ids=[make_channel(other_user).id])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Process)) == 0


def test_a_token_is_good_for_one_process_and_one_day(app, clock):
    token = process_tokens.issue("LongLivedProcess_a", settings(), clock.now)
    assert process_tokens.read(token, settings(), clock.now) == process_tokens.Token(
        "LongLivedProcess_a", NOW + timedelta(hours=24)
    )
    clock.advance(hours=24)
    assert process_tokens.read(token, settings(), clock.now) is None


@pytest.mark.parametrize("token", ["", "a.b.c", "é.é.é", "x" * 10_000, "\0"])
def test_what_is_no_token_is_nobodys(app, token):
    assert process_tokens.read(token, settings(), NOW) is None


def test_a_token_that_somebody_else_signed_is_nobodys(app):
    import jwt

    for key, algorithm in [("k" * 32, "HS256"), ("", "none")]:
        claims = {"sub": "LongLivedProcess_a", "aud": "process", "exp": 2**31}
        token = jwt.encode(claims, key, algorithm)
        assert process_tokens.read(token, settings(), NOW) is None
