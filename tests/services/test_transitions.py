"""The one writer of statuses: swap, history and outbox in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.core.status import Alert, Decision, Status
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, HeartbeatCheck, StatusChange, User
from sentinelweb.services import transitions
from sentinelweb.services.transitions import Applied, Transition
from tests.support.factories import NOW

MakeHeartbeat = Callable[..., HeartbeatCheck]
MakeChannel = Callable[..., Channel]

GOES_DOWN = Decision(Status.DOWN, "missed", Alert.DOWN)


def apply(*changes: Transition) -> Applied:
    with writing() as session:
        applied = transitions.apply(session, changes, NOW)
    db.session.expire_all()
    return applied


def rows(model: type[StatusChange] | type[Delivery]) -> list:
    return list(db.session.scalars(sa.select(model).order_by(model.id)))


def test_a_transition_changes_the_status_and_remembers_it(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW - timedelta(hours=1))

    applied = apply(Transition(heartbeat.id, Status.UP, Decision(Status.LATE, "late")))

    assert applied == Applied(frozenset({heartbeat.id}), 0)
    assert (heartbeat.status, heartbeat.status_since) == ("late", NOW)
    [change] = rows(StatusChange)
    assert (change.prev_status, change.new_status, change.note) == ("up", "late", "late")
    assert change.created_at == NOW
    assert rows(Delivery) == []


@pytest.mark.parametrize(
    ("ahead", "dated"),
    [(timedelta(seconds=5), timedelta(seconds=5)), (timedelta(hours=1), timedelta())],
    ids=["a ping that waited for the database", "a clock that was set back"],
)
def test_a_change_is_not_dated_before_the_one_that_it_follows(
    user: User, make_heartbeat: MakeHeartbeat, ahead: timedelta, dated: timedelta
) -> None:
    heartbeat = make_heartbeat(user, status="down", status_since=NOW + ahead)

    apply(Transition(heartbeat.id, Status.DOWN, Decision(Status.UP, "pinged")))

    assert heartbeat.status_since == NOW + dated
    assert [change.created_at for change in rows(StatusChange)] == [NOW + dated]


def test_an_alert_goes_into_the_outbox_once_for_each_channel(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    channels = [make_channel(user), make_channel(user, "telegram")]
    make_channel(user)  # of no concern to this heartbeat
    heartbeat = make_heartbeat(user, status="up", channels=channels)

    applied = apply(Transition(heartbeat.id, Status.UP, GOES_DOWN, {"name": "Nightly backup"}))

    assert applied.deliveries == 2
    deliveries = rows(Delivery)
    assert {delivery.channel_id for delivery in deliveries} == {c.id for c in channels}
    assert len({delivery.uid for delivery in deliveries}) == 2
    for delivery in deliveries:
        assert (delivery.state, delivery.event) == ("pending", "down")
        assert delivery.due_at == delivery.created_at == NOW
        assert delivery.monitor_id == heartbeat.id
        assert delivery.facts == {"name": "Nightly backup"}


def test_a_transition_from_a_status_that_is_no_more_changes_nothing(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(user, status="paused", channels=[make_channel(user)])

    assert apply(Transition(heartbeat.id, Status.UP, GOES_DOWN)) == Applied(frozenset(), 0)

    assert heartbeat.status == "paused"
    assert rows(StatusChange) == rows(Delivery) == []


def test_a_decision_to_stay_is_not_history(user: User, make_heartbeat: MakeHeartbeat) -> None:
    heartbeat = make_heartbeat(user, status="down")

    assert apply(Transition(heartbeat.id, Status.DOWN, Decision(Status.DOWN))).deliveries == 0

    assert rows(StatusChange) == []
    assert heartbeat.status_since == NOW


def test_a_monitor_deleted_meanwhile_is_no_error(user: User) -> None:
    assert apply(Transition(4711, Status.UP, GOES_DOWN)) == Applied(frozenset(), 0)


@pytest.mark.parametrize(("status", "active"), [(Status.PAUSED, False), (Status.UP, True)])
def test_a_paused_monitor_is_not_active(
    user: User, make_heartbeat: MakeHeartbeat, status: Status, active: bool
) -> None:
    heartbeat = make_heartbeat(user, status="late")
    apply(Transition(heartbeat.id, Status.LATE, Decision(status)))
    assert heartbeat.is_active is active


def test_a_transaction_that_fails_leaves_neither_change_nor_alert(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(user, status="up", channels=[make_channel(user)])

    def fail_after_the_change() -> None:
        with writing() as session:
            transitions.apply(session, [Transition(heartbeat.id, Status.UP, GOES_DOWN)], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_the_change()
    db.session.expire_all()
    assert heartbeat.status == "up"
    assert rows(StatusChange) == rows(Delivery) == []


def test_many_monitors_with_different_decisions_change_at_once(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    channel = make_channel(user)
    late, down, up = (
        make_heartbeat(user, status=status, channels=[channel]) for status in ("up", "late", "down")
    )

    applied = apply(
        Transition(late.id, Status.UP, Decision(Status.LATE, "late")),
        Transition(down.id, Status.LATE, GOES_DOWN),
        Transition(up.id, Status.DOWN, Decision(Status.UP, "pinged", Alert.UP)),
    )

    assert applied == Applied(frozenset({late.id, down.id, up.id}), 2)
    assert (late.status, down.status, up.status) == ("late", "down", "up")
    assert sorted(delivery.event for delivery in rows(Delivery)) == ["down", "up"]
