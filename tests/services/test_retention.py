"""What is old goes, what is needed stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from config import Settings
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Channel,
    Delivery,
    DeliveryAttempt,
    HeartbeatCheck,
    Ping,
    StatusChange,
    User,
)
from sentinelweb.services import retention
from sentinelweb.services.transitions import delivery_row
from tests.support.factories import NOW

pytestmark = pytest.mark.settings(
    ping_retention_days=10, history_retention_days=20, delivery_retention_days=30
)


def days_ago(days: float) -> dict[str, Any]:
    return {"created_at": NOW - timedelta(days=days)}


@pytest.fixture
def heartbeat(make_heartbeat: Callable[..., HeartbeatCheck], user: User) -> HeartbeatCheck:
    return make_heartbeat(user)


def add_pings(heartbeat: HeartbeatCheck, *ages: float) -> None:
    values = {
        "monitor_id": heartbeat.id,
        "counted": True,
        "method": "GET",
        "remote_addr": "",
        "user_agent": "",
    }
    with writing() as session:
        session.execute(sa.insert(Ping), [values | days_ago(age) for age in ages])


def ages(model: type[Ping | StatusChange | Delivery]) -> list[float]:
    db.session.rollback()
    times = db.session.scalars(sa.select(model.created_at).order_by(model.id))
    return [(NOW - time) / timedelta(days=1) for time in times]


def test_pings_are_kept_as_long_as_the_setting_says(
    settings: Settings, heartbeat: HeartbeatCheck
) -> None:
    add_pings(heartbeat, 400, 11, 10.001, 9.999, 1)
    assert retention.prune(NOW, settings) == {"pings": 3, "history": 0, "deliveries": 0}
    assert ages(Ping) == pytest.approx([9.999, 1])


def test_status_changes_have_a_setting_of_their_own(
    settings: Settings, heartbeat: HeartbeatCheck
) -> None:
    values = {"monitor_id": heartbeat.id, "prev_status": "up", "new_status": "down", "note": ""}
    with writing() as session:
        rows = [values | days_ago(age) for age in (21, 19)]
        session.execute(sa.insert(StatusChange), rows)
    assert retention.prune(NOW, settings)["history"] == 1
    assert ages(StatusChange) == [19]


def test_finished_deliveries_go_with_their_tries_and_unfinished_ones_stay(
    settings: Settings, user: User, make_channel: Callable[..., Channel]
) -> None:
    channel = make_channel(user)
    with writing() as session:
        for age, over in ((99, False), (98, True), (31, True), (29, True)):
            row = delivery_row(channel.id, "down", {}, NOW, monitor_id=None) | days_ago(age)
            if over:
                row |= {"due_at": None, "state": "sent"}
            id_ = session.scalars(sa.insert(Delivery).values(row).returning(Delivery.id)).one()
            session.execute(
                sa.insert(DeliveryAttempt).values(
                    delivery_id=id_, duration_ms=1, error="", **days_ago(age)
                )
            )
    assert retention.prune(NOW, settings)["deliveries"] == 2
    assert ages(Delivery) == [99, 29]
    assert len(list(db.session.scalars(sa.select(DeliveryAttempt.id)))) == 2


def test_more_than_a_batch_goes_in_several_transactions(
    settings: Settings, heartbeat: HeartbeatCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    add_pings(heartbeat, *[50] * 35, *[1] * 12)
    commits: list[object] = []
    sa.event.listen(db.engine, "commit", commits.append)
    assert retention.prune(NOW, settings)["pings"] == 35
    assert len(commits) >= 4
    assert ages(Ping) == [1] * 12


def test_a_younger_row_among_old_ones_stays(
    settings: Settings, heartbeat: HeartbeatCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids grow with time but for transactions that overlap, and clocks that are set back."""
    monkeypatch.setattr(retention, "BATCH", 3)
    add_pings(heartbeat, 50, 50, 2, 50, 50)
    for _ in range(3):
        retention.prune(NOW, settings)
    assert 2 in ages(Ping)
    assert len(ages(Ping)) <= 3


@pytest.mark.usefixtures("app")
def test_nothing_to_prune_is_nothing_done(settings: Settings) -> None:
    assert retention.prune(NOW, settings) == {"pings": 0, "history": 0, "deliveries": 0}
