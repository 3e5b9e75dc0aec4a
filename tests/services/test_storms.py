"""Digests, and monitors that flap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from config import Settings
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, HeartbeatCheck, Monitor, StatusChange, User
from sentinelweb.services import delivery, storms
from sentinelweb.services.transitions import delivery_row
from tests.conftest import Clock
from tests.support.messages import FACTS
from tests.support.receiver import Receiver, Reply

MakeHeartbeat = Callable[..., HeartbeatCheck]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def channel(make_channel: Callable[..., Channel], user: User, receiver: Receiver) -> Channel:
    return make_channel(user, settings={"url": receiver.url, "method": "POST"})


@pytest.fixture(autouse=True)
def clock(clock: Clock) -> Clock:
    return clock


class Outbox:
    """Promises alerts of one channel, and sends what is due."""

    def __init__(self, channel: Channel, settings: Settings, clock: Clock) -> None:
        self.channel, self.settings, self.clock = channel, settings, clock

    def promise(self, count: int = 1, event: str = "down", monitor_id: int | None = None) -> None:
        facts = {**FACTS, "status": event, "occurred_at": self.clock.now.isoformat()}
        with writing() as session:
            rows = [
                delivery_row(
                    self.channel.id,
                    event,
                    {**facts, "name": f"Job {number}"},
                    self.clock.now,
                    monitor_id=monitor_id,
                )
                for number in range(count)
            ]
            session.execute(sa.insert(Delivery), rows)

    def send(self) -> None:
        delivery.run(self.settings)

    def states(self) -> list[str]:
        db.session.rollback()
        return list(db.session.scalars(sa.select(Delivery.state).order_by(Delivery.id)))


@pytest.fixture
def outbox(channel: Channel, settings: Settings, clock: Clock) -> Outbox:
    return Outbox(channel, settings, clock)


def events(receiver: Receiver) -> list[str]:
    return [call.json["event"] for call in receiver.calls]


@pytest.mark.settings(alerts_per_minute=5)
class TestDigests:
    def test_up_to_the_limit_each_alert_goes_by_itself(
        self, outbox: Outbox, receiver: Receiver
    ) -> None:
        outbox.promise(5)
        outbox.send()
        assert events(receiver) == ["down"] * 5

    def test_a_burst_goes_as_one_digest_at_once(self, outbox: Outbox, receiver: Receiver) -> None:
        outbox.promise(40)
        outbox.send()
        (call,) = receiver.calls
        assert call.json["event"] == "digest"
        assert [event["monitor"]["name"] for event in call.json["events"]] == [
            f"Job {number}" for number in range(40)
        ]
        assert outbox.states() == ["sent"] * 40

    def test_every_delivery_of_a_digest_has_its_try(self, outbox: Outbox) -> None:
        outbox.promise(7)
        outbox.send()
        tries = [len(row.attempts) for row in db.session.scalars(sa.select(Delivery))]
        assert tries == [1] * 7

    def test_what_was_sent_before_the_clock_was_set_back_uses_up_no_share(
        self, outbox: Outbox, receiver: Receiver, clock: Clock
    ) -> None:
        for _ in range(7):
            outbox.promise(5)
            outbox.send()
            clock.advance(minutes=2)
        clock.advance(hours=-1)
        outbox.promise()
        outbox.send()
        assert events(receiver) == ["down"] * 36

    def test_alerts_in_a_trickle_wait_for_a_digest_when_the_share_is_used_up(
        self, outbox: Outbox, receiver: Receiver, clock: Clock
    ) -> None:
        for _ in range(9):
            outbox.promise()
            outbox.send()
            clock.advance(seconds=1)
        assert events(receiver) == ["down"] * 5
        next_due = delivery.next_due()
        assert next_due is not None
        assert next_due - clock.now <= storms.DIGEST_EVERY
        clock.advance(seconds=9)
        outbox.send()
        assert events(receiver) == ["down"] * 5 + ["digest"]
        assert len(receiver.calls[-1].json["events"]) == 4

    def test_a_second_burst_waits_for_the_next_digest(
        self, outbox: Outbox, receiver: Receiver, clock: Clock
    ) -> None:
        outbox.promise(40)
        outbox.send()
        clock.advance(seconds=1)
        outbox.promise(40)
        outbox.send()
        assert events(receiver) == ["digest"]
        clock.advance(seconds=10)
        outbox.send()
        assert events(receiver) == ["digest"] * 2
        assert outbox.states() == ["sent"] * 80

    def test_after_a_quiet_minute_alerts_go_one_by_one_again(
        self, outbox: Outbox, receiver: Receiver, clock: Clock
    ) -> None:
        outbox.promise(40)
        outbox.send()
        clock.advance(seconds=61)
        outbox.promise(2)
        outbox.send()
        assert events(receiver) == ["digest", "down", "down"]

    def test_a_digest_that_fails_is_tried_again_and_nothing_is_dropped(
        self, outbox: Outbox, receiver: Receiver, clock: Clock
    ) -> None:
        receiver.answer_with(Reply(500))
        outbox.promise(40)
        outbox.send()
        clock.advance(seconds=16)
        outbox.promise(3)
        outbox.send()
        assert [len(call.json["events"]) for call in receiver.calls] == [40, 43]
        assert receiver.calls[0].json["id"] != receiver.calls[1].json["id"]
        assert outbox.states() == ["sent"] * 43

    def test_the_same_digest_has_the_same_id_again(
        self, outbox: Outbox, receiver: Receiver, clock: Clock
    ) -> None:
        receiver.answer_with(Reply(500))
        outbox.promise(40)
        outbox.send()
        clock.advance(seconds=16)
        outbox.send()
        assert receiver.calls[0].json["id"] == receiver.calls[1].json["id"]

    def test_a_test_message_is_never_put_into_one(self, outbox: Outbox, receiver: Receiver) -> None:
        outbox.promise(30)
        outbox.promise(1, "test")
        outbox.send()
        assert sorted(events(receiver)) == ["digest", "test"]

    def test_more_alerts_than_are_looked_at_together_are_all_sent(
        self, outbox: Outbox, receiver: Receiver, clock: Clock
    ) -> None:
        outbox.promise(1_200)
        for _ in range(3):
            outbox.send()
            clock.advance(seconds=11)
        assert [len(call.json["events"]) for call in receiver.calls] == [500, 500, 200]

    def test_other_channels_have_their_own_share(
        self,
        outbox: Outbox,
        receiver: Receiver,
        settings: Settings,
        user: User,
        make_channel: Callable[..., Channel],
        clock: Clock,
    ) -> None:
        other = make_channel(user, settings={"url": f"{receiver.url}/other", "method": "POST"})
        outbox.promise(40)
        Outbox(other, settings, clock).promise(2)
        outbox.send()
        assert sorted(events(receiver)) == ["digest", "down", "down"]


@pytest.mark.settings(alerts_per_minute=0)
def test_without_a_limit_every_alert_goes_by_itself(outbox: Outbox, receiver: Receiver) -> None:
    outbox.promise(120)
    outbox.send()
    assert events(receiver) == ["down"] * 120


class Flapper:
    """A heartbeat that goes down and up, with an alert each time."""

    def __init__(self, heartbeat: HeartbeatCheck, outbox: Outbox) -> None:
        self.id, self.outbox, self.status = heartbeat.id, outbox, "up"

    def change(self) -> None:
        previous, self.status = self.status, "up" if self.status == "down" else "down"
        now = self.outbox.clock.now
        with writing() as session:
            session.execute(
                sa.insert(StatusChange).values(
                    monitor_id=self.id, prev_status=previous, new_status=self.status, created_at=now
                )
            )
            session.execute(
                sa.update(Monitor.__table__)
                .where(Monitor.__table__.c.id == self.id)
                .values(status=self.status, status_since=now)
            )
            # As a ping does: the next incident is another one.
            session.execute(sa.update(HeartbeatCheck.__table__).values(alert_sent=False))
        self.outbox.promise(1, self.status, self.id)
        self.outbox.send()

    def flap(self, times: int, every: timedelta = timedelta(seconds=30)) -> datetime:
        for _ in range(times):
            self.outbox.clock.now += every
            self.change()
        return self.outbox.clock.now


@pytest.fixture
def flapper(make_heartbeat: MakeHeartbeat, user: User, outbox: Outbox) -> Flapper:
    return Flapper(make_heartbeat(user, status="up", name="Sync"), outbox)


@pytest.mark.settings(alerts_per_minute=0, flapping_changes=6)
class TestFlapping:
    def test_six_changes_are_told_one_by_one(self, flapper: Flapper, receiver: Receiver) -> None:
        flapper.flap(6)
        assert events(receiver) == ["down", "up"] * 3

    def test_the_seventh_is_told_as_flapping_and_the_rest_is_merged(
        self, flapper: Flapper, receiver: Receiver, outbox: Outbox
    ) -> None:
        flapper.flap(12)
        assert events(receiver) == ["down", "up"] * 3 + ["flapping"]
        body = receiver.calls[-1].json
        assert body["status"] == "down"
        assert "7 changes of status within 15m" in body["text"]
        assert sorted(outbox.states()) == ["merged"] * 5 + ["pending"] + ["sent"] * 7

    def test_slow_changes_are_no_flapping(self, flapper: Flapper, receiver: Receiver) -> None:
        flapper.flap(20, every=timedelta(minutes=3))
        assert "flapping" not in events(receiver)

    def test_when_it_was_quiet_for_long_enough_it_is_told_how_things_are(
        self, flapper: Flapper, receiver: Receiver, outbox: Outbox, clock: Clock
    ) -> None:
        last_change = flapper.flap(9)
        clock.now = last_change + timedelta(minutes=14, seconds=59)
        outbox.send()
        assert "calm" not in events(receiver)
        assert delivery.next_due() == last_change + storms.FLAPPING_WINDOW
        clock.advance(seconds=1)
        outbox.send()
        body = receiver.calls[-1].json
        assert (body["event"], body["status"]) == ("calm", "down")
        assert body["occurred_at"] == last_change.isoformat()
        assert delivery.next_due() is None

    def test_that_it_is_calm_repeats_no_reason_of_an_older_alert(
        self, flapper: Flapper, receiver: Receiver, outbox: Outbox, clock: Clock
    ) -> None:
        flapper.flap(9)
        assert receiver.calls[-1].json["note"] == "missed"
        clock.advance(minutes=16)
        outbox.send()
        assert receiver.calls[-1].json["event"] == "calm"
        assert receiver.calls[-1].json["note"] is None

    def test_after_that_every_change_is_told_again(
        self, flapper: Flapper, receiver: Receiver, outbox: Outbox, clock: Clock
    ) -> None:
        flapper.flap(9)
        clock.advance(minutes=16)
        outbox.send()
        flapper.flap(2)
        assert events(receiver)[-3:] == ["calm", "up", "down"]

    def test_that_it_flaps_holds_up_no_other_monitor(
        self, flapper: Flapper, receiver: Receiver, outbox: Outbox
    ) -> None:
        flapper.flap(8)
        outbox.promise(3)
        outbox.send()
        assert events(receiver)[-3:] == ["down"] * 3

    def test_a_heartbeat_that_ends_down_counts_as_announced(
        self, flapper: Flapper, outbox: Outbox, clock: Clock
    ) -> None:
        flapper.flap(9)
        heartbeat = db.session.get_one(HeartbeatCheck, flapper.id)
        db.session.refresh(heartbeat)
        assert (heartbeat.status, heartbeat.alert_sent) == ("down", False)
        clock.advance(minutes=15)
        outbox.send()
        db.session.refresh(heartbeat)
        assert heartbeat.alert_sent

    def test_a_monitor_deleted_while_it_flaps_is_told_of_no_more(
        self, flapper: Flapper, receiver: Receiver, outbox: Outbox, clock: Clock
    ) -> None:
        flapper.flap(8)
        heard = len(receiver.calls)
        with writing() as session:
            table = Monitor.__table__
            session.execute(sa.delete(table).where(table.c.id == flapper.id))
        clock.advance(minutes=20)
        outbox.send()
        assert len(receiver.calls) == heard
        assert delivery.next_due() is None
        assert "pending" not in outbox.states()

    def test_pauses_are_no_changes(
        self, flapper: Flapper, receiver: Receiver, outbox: Outbox, clock: Clock
    ) -> None:
        with writing() as session:
            values: list[dict[str, Any]] = [
                {
                    "monitor_id": flapper.id,
                    "prev_status": previous,
                    "new_status": new,
                    "created_at": clock.now,
                }
                for previous, new in [("up", "paused"), ("paused", "up"), ("up", "late")] * 5
            ]
            session.execute(sa.insert(StatusChange), values)
        flapper.flap(2)
        assert events(receiver) == ["down", "up"]


@pytest.mark.settings(alerts_per_minute=0, flapping_changes=0)
def test_flapping_can_be_switched_off(flapper: Flapper, receiver: Receiver) -> None:
    flapper.flap(20)
    assert events(receiver) == ["down", "up"] * 10
