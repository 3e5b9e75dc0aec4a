"""Pings, changes and messages in one line of time."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from sentinelweb.db import db
from sentinelweb.models import Delivery, Outage, Ping, StatusChange
from sentinelweb.services import timeline
from sentinelweb.services.timeline import PAGE_SIZE, WITHOUT_PINGS, Position, Rank
from tests.support.factories import NOW


def add_pings(heartbeat, count, at=NOW, step=1):
    for number in range(count):
        db.session.add(
            Ping(
                monitor_id=heartbeat.id,
                created_at=at + timedelta(seconds=number * step),
                counted=True,
                method="GET",
                remote_addr="",
                user_agent="",
            )
        )
    db.session.commit()


def add_change(heartbeat, at=NOW):
    db.session.add(
        StatusChange(monitor_id=heartbeat.id, prev_status="down", new_status="up", created_at=at)
    )
    db.session.commit()


def all_pages(heartbeat, **options):
    found, before = [], None
    while True:
        page = timeline.of_monitor(heartbeat.id, before=before, **options)
        found.append([entry.position for entry in page.entries])
        before = page.older
        if before is None:
            return found


def test_what_happened_at_one_instant_is_told_in_the_order_of_cause(
    user, make_heartbeat, make_channel
):
    heartbeat = make_heartbeat(user)
    add_pings(heartbeat, 1)
    add_change(heartbeat)
    delivery = Delivery(
        uid=str(uuid.uuid4()),
        channel_id=make_channel(user).id,
        monitor_id=heartbeat.id,
        event="up",
        facts={},
        created_at=NOW,
    )
    db.session.add(delivery)
    db.session.commit()
    kinds = [entry.kind for entry in timeline.of_monitor(heartbeat.id).entries]
    assert kinds == ["delivery", "change", "ping"]


@pytest.mark.parametrize("step", [0, 1])
def test_pages_leave_nothing_out_and_repeat_nothing(user, make_heartbeat, step):
    heartbeat, other = make_heartbeat(user), make_heartbeat(user)
    add_pings(heartbeat, PAGE_SIZE * 2 + 3, step=step)
    add_pings(other, 1)
    for second in range(0, PAGE_SIZE * 2, 7):
        add_change(heartbeat, NOW + timedelta(seconds=second))
    pages = all_pages(heartbeat)
    positions = [position for page in pages for position in page]
    assert all(len(page) == PAGE_SIZE for page in pages[:-1])
    assert positions == sorted(set(positions), reverse=True)
    assert len(positions) == PAGE_SIZE * 2 + 3 + 9


def test_our_own_outages_in_its_life_are_told_to_every_monitor(user, make_heartbeat):
    heartbeats = [make_heartbeat(user), make_heartbeat(user)]
    for ended_at in (NOW - timedelta(seconds=1), NOW + timedelta(seconds=90)):
        db.session.add(Outage(began_at=ended_at - timedelta(minutes=1), ended_at=ended_at))
    db.session.commit()
    for heartbeat in heartbeats:
        add_pings(heartbeat, 1)
        latest, _ping = timeline.of_monitor(heartbeat.id).entries
        assert latest.kind == "outage"
        assert latest.row.ended_at == NOW + timedelta(seconds=90)
        assert [
            entry.kind
            for entry in timeline.of_monitor(heartbeat.id, before=latest.position).entries
        ] == ["ping"]


def test_pings_may_be_left_out(user, make_heartbeat):
    heartbeat = make_heartbeat(user)
    add_pings(heartbeat, 3)
    add_change(heartbeat)
    [[position]] = all_pages(heartbeat, ranks=WITHOUT_PINGS)
    assert position.rank is Rank.CHANGE


def test_a_position_is_read_as_it_was_written():
    position = Position(datetime(2026, 1, 7, 12, 0, 0, 123456, tzinfo=UTC), Rank.CHANGE, 42)
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "text", ["", "1", "a-b-c", "1-2", "1-9-1", "1-1-1-1", f"{10**30}-1-1", f"1-1-{2**63}", "\0"]
)
def test_any_other_text_is_no_position(text):
    assert Position.parse(text) is None


def test_an_older_page_of_a_position_long_ago_is_empty(user, make_heartbeat):
    heartbeat = make_heartbeat(user)
    add_pings(heartbeat, 1)
    assert timeline.of_monitor(heartbeat.id, before=Position.parse("5-1-1")).entries == []
