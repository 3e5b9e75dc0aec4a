"""The outbox carried out, against real databases and a real receiver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from config import Settings
from sentinelweb import clock as real_clock
from sentinelweb import outbound
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, DeliveryAttempt, HeartbeatCheck, Monitor, User
from sentinelweb.services import delivery, outbox
from sentinelweb.services.outbox import Statistics
from sentinelweb.services.transitions import delivery_row
from tests.conftest import Clock
from tests.support.messages import FACTS
from tests.support.patience import slowness
from tests.support.receiver import Call, Receiver, Reply

# What is tested here is one alert after the other; digests are the subject of test_storms.py.
pytestmark = pytest.mark.settings(alerts_per_minute=0, flapping_changes=0)

MakeChannel = Callable[..., Channel]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def channel(make_channel: MakeChannel, user: User, receiver: Receiver) -> Channel:
    return webhook(make_channel, user, receiver.url)


def webhook(make_channel: MakeChannel, user: User, url: str) -> Channel:
    return make_channel(user, settings={"url": url, "method": "POST", "headers": "", "secret": ""})


def promise(channel: Channel, event: str = "down", **values: Any) -> int:
    """Put an alert into the outbox; return its id."""
    monitor_id = values.pop("monitor_id", None)
    facts = {**FACTS, "occurred_at": real_clock.now().isoformat(), **values.pop("facts", {})}
    row = delivery_row(channel.id, event, facts, real_clock.now(), monitor_id=monitor_id)
    with writing() as session:
        return session.scalars(
            sa.insert(Delivery).values(row | values).returning(Delivery.id)
        ).one()


def get(id_: int) -> Delivery:
    db.session.rollback()
    found = db.session.get(Delivery, id_, populate_existing=True)
    assert found is not None
    return found


def reasons(id_: int) -> list[str]:
    return [attempt.error for attempt in get(id_).attempts]


def events(receiver: Receiver) -> list[str]:
    return [call.json["event"] for call in receiver.calls]


def test_a_due_delivery_is_sent_and_recorded(
    settings: Settings, channel: Channel, receiver: Receiver
) -> None:
    id_ = promise(channel)
    assert delivery.run(settings).as_dict() == {"sent": 1, "failed": 0, "postponed": 0}
    row = get(id_)
    assert (row.state, row.attempt_count, row.due_at) == ("sent", 1, None)
    assert row.finished_at is not None
    assert [attempt.error for attempt in row.attempts] == [""]
    assert receiver.calls[0].json["id"] == row.uid == receiver.calls[0].headers["Idempotency-Key"]


def test_nothing_due_is_nothing_done(settings: Settings, channel: Channel) -> None:
    assert delivery.next_due() is None
    id_ = promise(channel, due_at=real_clock.now() + timedelta(hours=1))
    assert delivery.run(settings).sent == 0
    assert delivery.next_due() == get(id_).due_at


def test_three_tries_with_growing_pauses_then_it_has_failed(
    settings: Settings, channel: Channel, receiver: Receiver, clock: Clock
) -> None:
    receiver.default = Reply(500)
    id_ = promise(channel)
    for pause in (15, 120):
        delivery.run(settings)
        began = get(id_).attempts[-1].created_at
        wait = get(id_).due_at - began  # type: ignore[operator] # it is due
        assert timedelta(seconds=pause) <= wait < timedelta(seconds=pause + 2)
        clock.advance(seconds=pause - 1)
        assert delivery.run(settings).as_dict() == {"sent": 0, "failed": 0, "postponed": 0}
        clock.advance(seconds=3)
    assert delivery.run(settings).failed == 1
    assert (get(id_).state, get(id_).attempt_count, get(id_).due_at) == ("failed", 3, None)
    assert reasons(id_) == ["The receiver answered with status 500."] * 3
    assert len({call.json["id"] for call in receiver.calls}) == 1
    assert delivery.next_due() is None


def test_order_is_kept_while_an_earlier_message_backs_off(
    settings: Settings, channel: Channel, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer_with(Reply(500))
    first = promise(channel, "down")
    delivery.run(settings)
    second = promise(channel, "up")
    assert delivery.run(settings).sent == 0
    assert get(second).due_at == get(first).due_at == delivery.next_due()
    assert events(receiver) == ["down"]
    clock.advance(seconds=20)
    assert delivery.run(settings).sent == 2
    assert events(receiver) == ["down", "down", "up"]


def test_what_was_taken_together_waits_together(
    settings: Settings, channel: Channel, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer_with(Reply(), Reply(500))
    ids = [promise(channel, event) for event in ("down", "up", "down")]
    delivery.run(settings)
    assert [get(id_).state for id_ in ids] == ["sent", "pending", "pending"]
    assert [get(id_).attempt_count for id_ in ids] == [1, 1, 0]
    assert get(ids[1]).due_at == get(ids[2]).due_at
    clock.advance(minutes=1)
    delivery.run(settings)
    assert events(receiver) == ["down", "up", "up", "down"]


def test_a_failed_message_lets_the_next_one_go(
    settings: Settings, channel: Channel, receiver: Receiver
) -> None:
    receiver.answer_with(Reply(410))
    ids = [promise(channel), promise(channel)]
    delivery.run(settings)
    assert [get(id_).state for id_ in ids] == ["failed", "sent"]


def test_another_channel_does_not_wait(
    settings: Settings, user: User, make_channel: MakeChannel, receiver: Receiver
) -> None:
    receiver.default = lambda call: Reply(500 if call.path == "/bad" else 200)
    bad = webhook(make_channel, user, f"{receiver.url}/bad")
    good = webhook(make_channel, user, f"{receiver.url}/good")
    promise(bad)
    id_ = promise(good)
    delivery.run(settings)
    assert get(id_).state == "sent"


class TestWhoAsksForAPause:
    def test_is_heard_and_no_try_is_used_up(
        self, settings: Settings, channel: Channel, receiver: Receiver, clock: Clock
    ) -> None:
        receiver.answer_with(*[Reply(429, {"Retry-After": "40"})] * 4)
        id_ = promise(channel)
        for _ in range(4):
            delivery.run(settings)
            assert (get(id_).state, get(id_).attempt_count) == ("pending", 0)
            clock.advance(seconds=39)
            assert delivery.run(settings).sent == 0
            clock.advance(seconds=3)
        delivery.run(settings)
        assert (get(id_).state, get(id_).attempt_count) == ("sent", 1)
        assert reasons(id_) == ["The receiver asks to wait for 40s."] * 4 + [""]

    def test_for_ever_is_given_up_after_a_day(
        self, settings: Settings, channel: Channel, receiver: Receiver, clock: Clock
    ) -> None:
        receiver.default = Reply(503, {"Retry-After": "999999"})
        id_ = promise(channel, created_at=clock.now - timedelta(days=3))
        delivery.run(settings)
        assert get(id_).due_at is not None, "its age counts from the first try"
        assert get(id_).due_at <= clock.now + timedelta(hours=24)
        clock.advance(hours=24)
        delivery.run(settings)
        assert get(id_).state == "failed"


class TestAReceiverThatRefusesForGood:
    def test_fails_at_once_and_the_channel_says_so(
        self, settings: Settings, user: User, make_channel: MakeChannel, clock: Clock
    ) -> None:
        with Receiver() as telegram:
            there = settings.model_copy(update={"telegram_api_url": telegram.url})
            blocked = {"ok": False, "error_code": 403, "description": "bot was blocked by the user"}
            telegram.answer_with(Reply.json(blocked, 403))
            channel = make_channel(user, "telegram")
            id_ = promise(channel)
            assert delivery.run(there).failed == 1
            assert (get(id_).state, get(id_).attempt_count) == ("failed", 1)
            db.session.refresh(channel)
            assert channel.fault == "Telegram refuses the message: bot was blocked by the user."
            assert channel.fault_at == clock.now

            promise(channel)
            delivery.run(there)
            db.session.refresh(channel)
            assert (channel.fault, channel.fault_at) == (None, None)

    def test_of_a_kind_that_is_no_more(
        self, settings: Settings, user: User, make_channel: MakeChannel
    ) -> None:
        id_ = promise(make_channel(user, "pigeon"))
        delivery.run(settings)
        assert reasons(id_) == ["This version knows no channels of kind pigeon."]


def test_a_group_that_got_a_new_id_keeps_it(
    settings: Settings, user: User, make_channel: MakeChannel
) -> None:
    with Receiver() as telegram:
        there = settings.model_copy(update={"telegram_api_url": telegram.url})
        moved = {"ok": False, "error_code": 400, "parameters": {"migrate_to_chat_id": -1007}}
        telegram.answer_with(Reply.json(moved, 400))
        channel = make_channel(user, "telegram")
        promise(channel)
        delivery.run(there)
    db.session.refresh(channel)
    assert channel.settings == {"bot_token": "123:abc", "chat_id": "-1007"}


def test_a_message_that_cannot_be_made_does_not_stop_the_others(
    settings: Settings, user: User, make_channel: MakeChannel, channel: Channel
) -> None:
    broken = promise(make_channel(user, settings={"secret": "S3cret"}))
    whole = promise(channel)
    delivery.run(settings)
    assert reasons(broken) == ["The message could not be made (KeyError)."]
    assert get(whole).state == "sent"


def test_an_old_alert_is_sent_with_its_true_time(
    settings: Settings, channel: Channel, receiver: Receiver
) -> None:
    happened = real_clock.now() - timedelta(hours=7)
    promise(
        channel, created_at=happened, due_at=happened, facts={"occurred_at": happened.isoformat()}
    )
    delivery.run(settings)
    body = receiver.calls[0].json
    assert body["occurred_at"] == happened.isoformat()
    assert "📅 Happened at: " in body["text"]


class TestAlertSent:
    """Seed 000: whether the alert of the present incident was sent."""

    def down(self, make_heartbeat: Callable[..., HeartbeatCheck], user: User) -> HeartbeatCheck:
        return make_heartbeat(user, status="down", status_since=real_clock.now())

    def test_is_noted_when_the_receiver_has_accepted(
        self,
        settings: Settings,
        user: User,
        make_heartbeat: Callable[..., HeartbeatCheck],
        channel: Channel,
        receiver: Receiver,
        clock: Clock,
    ) -> None:
        heartbeat = self.down(make_heartbeat, user)
        receiver.answer_with(Reply(500))
        promise(channel, monitor_id=heartbeat.id)
        delivery.run(settings)
        db.session.refresh(heartbeat)
        assert not heartbeat.alert_sent
        clock.advance(minutes=1)
        delivery.run(settings)
        db.session.refresh(heartbeat)
        assert heartbeat.alert_sent
        assert heartbeat.alert_sent_at >= clock.now  # type: ignore[operator] # it was sent

    def test_is_not_noted_for_an_incident_that_is_over(
        self,
        settings: Settings,
        user: User,
        make_heartbeat: Callable[..., HeartbeatCheck],
        channel: Channel,
        clock: Clock,
    ) -> None:
        heartbeat = self.down(make_heartbeat, user)
        promise(channel, monitor_id=heartbeat.id)
        for status, seconds in (("up", 60), ("down", 120)):
            with writing() as session:
                session.execute(
                    sa.update(Monitor.__table__)
                    .where(Monitor.__table__.c.id == heartbeat.id)
                    .values(status=status, status_since=clock.now + timedelta(seconds=seconds))
                )
            clock.advance(seconds=200)
            delivery.run(settings)
            promise(channel, monitor_id=heartbeat.id, created_at=clock.now - timedelta(days=1))
        db.session.refresh(heartbeat)
        assert not heartbeat.alert_sent


class TestALease:
    def take(self, settings: Settings) -> list[Any]:
        with writing() as session:
            return outbox.lease(session, 10, real_clock.now(), settings)

    def test_keeps_others_away_until_it_ends(
        self, settings: Settings, channel: Channel, receiver: Receiver, clock: Clock
    ) -> None:
        id_ = promise(channel)
        assert len(self.take(settings)) == 1  # a worker takes it, and dies
        later = promise(channel, "up")
        assert delivery.run(settings).sent == 0
        assert get(id_).due_at == clock.now + outbox.LEASE == delivery.next_due()
        assert get(later).due_at == get(id_).due_at
        clock.advance(seconds=outbox.LEASE.total_seconds() - 1)
        assert delivery.run(settings).sent == 0
        clock.advance(seconds=1)
        assert delivery.run(settings).sent == 2
        assert events(receiver) == ["down", "up"]

    def test_that_ran_out_does_not_undo_what_another_worker_did(
        self, settings: Settings, channel: Channel, clock: Clock
    ) -> None:
        id_ = promise(channel)
        (batch,) = self.take(settings)
        clock.advance(minutes=5)
        delivery.run(settings)
        late = delivery.Result(
            batch, batch.parcels[0], clock.now, 5, delivery.TransientError("too late")
        )
        with writing() as session:
            outbox.record(session, [late, delivery.End(batch)], clock.now)
        assert get(id_).state == "sent"
        assert reasons(id_) == [""]

    def test_is_renewed_while_its_messages_are_on_their_way(
        self,
        app: Flask,
        settings: Settings,
        channel: Channel,
        receiver: Receiver,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=2 * slowness()))
        monkeypatch.setattr(outbox, "RENEW_AFTER", timedelta(seconds=0.3))
        monkeypatch.setattr(outbound.calls, "TOTAL_SECONDS", 600.0)
        receiver.default = Reply(delay=2.5 * outbox.LEASE.total_seconds())
        ids = [promise(channel)]

        def work() -> None:
            with app.app_context():
                delivery.run(settings)

        worker = threading.Thread(target=work)
        worker.start()
        receiver.wait_for(1)
        ids.append(promise(channel, "up"))
        others = Statistics()
        while worker.is_alive():
            others.add(delivery.run(settings))
            time.sleep(0.05)
        assert others == Statistics()
        assert [get(id_).state for id_ in ids] == ["sent", "sent"]
        assert events(receiver) == ["down", "up"]


class TestManyAtOnce:
    def test_a_receiver_that_hangs_delays_nobody_else(
        self,
        settings: Settings,
        user: User,
        make_channel: MakeChannel,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(outbound.calls, "TOTAL_SECONDS", 3.0)
        with Receiver() as receiver:
            receiver.default = lambda call: Reply(hang=call.path == "/hole")
            hole = webhook(make_channel, user, f"{receiver.url}/hole")
            holes = [promise(hole) for _ in range(3)]
            others = [webhook(make_channel, user, f"{receiver.url}/{n}") for n in range(10)]
            ids = [promise(channel) for channel in others]
            began = time.monotonic()
            delivery.run(settings)
            arrivals = [call.at for call in receiver.calls if call.path != "/hole"]
        assert len(arrivals) == 10
        assert max(arrivals) - began < 2 * slowness()
        assert {get(id_).state for id_ in ids} == {"sent"}
        assert reasons(holes[0]) == ["No answer within 3 seconds."]
        assert [get(id_).attempt_count for id_ in holes] == [1, 0, 0]

    def test_messages_that_come_due_during_a_run_are_sent_by_it(
        self, app: Flask, settings: Settings, user: User, make_channel: MakeChannel
    ) -> None:
        with Receiver() as receiver:
            slow = webhook(make_channel, user, f"{receiver.url}/slow")
            quick = webhook(make_channel, user, f"{receiver.url}/quick")
            quick_id = quick.id

            def answer(call: Call) -> Reply:
                if call.path == "/slow":
                    with app.app_context():
                        promise(db.session.get_one(Channel, quick_id))
                    return Reply(delay=2)
                return Reply()

            receiver.default = answer
            promise(slow)
            delivery.run(settings)
            first, second = receiver.calls
            assert second.at - first.at < 2, "the slow one was not waited for"

    def test_channels_are_served_concurrently(
        self, settings: Settings, user: User, make_channel: MakeChannel
    ) -> None:
        with Receiver() as receiver:
            receiver.default = Reply(delay=0.2)
            for number in range(96):
                promise(webhook(make_channel, user, f"{receiver.url}/{number}"))
            began = time.monotonic()
            assert delivery.run(settings).sent == 96
            assert time.monotonic() - began < 5 * slowness()  # one after the other: 19 s

    def test_two_workers_send_each_message_once_and_in_order(
        self, app: Flask, settings: Settings, user: User, make_channel: MakeChannel
    ) -> None:
        with Receiver() as receiver:
            receiver.default = Reply(delay=0.005)
            channels = [webhook(make_channel, user, f"{receiver.url}/{n}") for n in range(12)]
            ids = [promise(channel) for _ in range(8) for channel in channels]

            def work() -> None:
                with app.app_context():
                    while (due := delivery.next_due()) and due <= real_clock.now() + outbox.LEASE:
                        delivery.run(settings)

            workers = [threading.Thread(target=work) for _ in range(3)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            uids = {get(id_).uid: id_ for id_ in ids}
            assert len(receiver.calls) == len(ids)
            for channel in channels:
                path = channel.settings["url"].removeprefix(receiver.url)
                mine = [uids[call.json["id"]] for call in receiver.calls if call.path == path]
                assert mine == sorted(mine)
                assert len(mine) == 8
        assert {get(id_).state for id_ in ids} == {"sent"}


class TestWhatIsDeletedInTheMiddle:
    def run_deleting(
        self, app: Flask, settings: Settings, receiver: Receiver, statement: sa.Delete
    ) -> None:
        def answer(_call: Call) -> Reply:
            with app.app_context(), writing() as session:
                session.execute(statement)
            return Reply()

        receiver.answer_with(answer)
        delivery.run(settings)

    def test_a_channel(
        self,
        app: Flask,
        settings: Settings,
        user: User,
        make_channel: MakeChannel,
        channel: Channel,
        receiver: Receiver,
    ) -> None:
        other = promise(webhook(make_channel, user, f"{receiver.url}/other"))
        promise(channel, created_at=real_clock.now() - timedelta(minutes=1))
        promise(channel)
        self.run_deleting(
            app, settings, receiver, sa.delete(Channel).where(Channel.id == channel.id)
        )
        db.session.rollback()
        remaining = list(db.session.scalars(sa.select(Delivery.id)))
        assert remaining in ([other], [])  # whichever was sent first deleted the first channel
        assert delivery.next_due() is None

    def test_a_monitor(
        self,
        app: Flask,
        settings: Settings,
        user: User,
        make_heartbeat: Callable[..., HeartbeatCheck],
        channel: Channel,
        receiver: Receiver,
    ) -> None:
        heartbeat = make_heartbeat(user, status="down")
        ids = [promise(channel, monitor_id=heartbeat.id) for _ in range(2)]
        table = Monitor.__table__
        self.run_deleting(
            app, settings, receiver, sa.delete(table).where(table.c.id == heartbeat.id)
        )
        assert [get(id_).state for id_ in ids] == ["sent", "sent"]
        assert get(ids[0]).monitor_id is None


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_is_away_for_a_moment_makes_nobody_hear_twice(
    app: Flask, settings: Settings, channel: Channel, receiver: Receiver
) -> None:
    def answer(_call: Call) -> Reply:
        with app.app_context(), db.engine.connect() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        return Reply()

    receiver.answer_with(answer)
    id_ = promise(channel)
    db.session.commit()
    assert delivery.run(settings).sent == 1
    assert get(id_).state == "sent"
    assert len(receiver.calls) == 1


WORKER = """
from sentinelweb import create_app
from sentinelweb.extensions import settings
from sentinelweb.services import delivery
with create_app().app_context():
    delivery.run(settings())
"""


def test_a_worker_killed_in_the_middle_loses_no_alert(
    settings: Settings,
    user: User,
    make_channel: MakeChannel,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver.default = Reply(delay=0.05)
    ids = [
        promise(webhook(make_channel, user, f"{receiver.url}/{number}"))
        for number in range(40)
        for _ in range(3)
    ]
    environment = {
        **os.environ,
        "DATABASE_URL": settings.resolved_database_url,
        "DATA_DIR": str(settings.data_dir),
        "ALERTS_PER_MINUTE": "0",
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
    receiver.wait_for(45)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert any(get(id_).state == "pending" for id_ in ids)

    later = datetime.now().astimezone() + outbox.LEASE
    monkeypatch.setattr(real_clock, "now", lambda: later)
    delivery.run(settings)
    assert {get(id_).state for id_ in ids} == {"sent"}
    heard = [call.json["id"] for call in receiver.calls]
    assert set(heard) == {get(id_).uid for id_ in ids}
    tries = db.session.scalar(sa.select(sa.func.count()).select_from(DeliveryAttempt))
    assert tries == len(ids), "what was not recorded was not known to be heard"
