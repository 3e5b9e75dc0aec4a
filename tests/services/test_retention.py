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
    EndedSession,
    HeartbeatCheck,
    HostRollup,
    MonitoringCycle,
    Outage,
    PagesOutage,
    Ping,
    RollupMark,
    ServiceCheck,
    ServiceRollup,
    StatusChange,
    TeamRollup,
    User,
)
from sentinelweb.services import retention, rollups
from sentinelweb.services.transitions import delivery_row
from tests.support.factories import NOW, make_host, make_service, team_of

pytestmark = pytest.mark.settings(
    ping_retention_days=10,
    history_retention_days=20,
    delivery_retention_days=30,
    check_retention_hours=24,
    cycle_retention_days=7,
    rollup_retention_days=100,
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


def ages(
    model: type[Ping | StatusChange | Delivery | ServiceCheck | MonitoringCycle],
) -> list[float]:
    db.session.rollback()
    times = db.session.scalars(sa.select(model.created_at).order_by(model.id))
    return [(NOW - time) / timedelta(days=1) for time in times]


def add_checks(service_id: int, *ages: float) -> None:
    values = {"service_id": service_id, "status": "healthy"}
    with writing() as session:
        session.execute(sa.insert(ServiceCheck), [values | days_ago(age) for age in ages])


def add_cycles(host_id: int, *ages: float, **values: Any) -> None:
    with writing() as session:
        for number, age in enumerate(ages):
            id_ = f"{number:036}"
            session.add(MonitoringCycle(id=id_, host_id=host_id, **values, **days_ago(age)))


def test_pings_are_kept_as_long_as_the_setting_says(
    settings: Settings, heartbeat: HeartbeatCheck
) -> None:
    add_pings(heartbeat, 400, 11, 10.001, 9.999, 1)
    deleted = retention.prune(NOW, settings)
    assert {table: count for table, count in deleted.items() if count} == {"pings": 3}
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
    assert set(retention.prune(NOW, settings).values()) == {0}


def test_results_are_kept_for_hours(settings: Settings, user: User) -> None:
    add_checks(make_service(user).id, 30, 1.001, 0.999, 0.1)
    rollups.run()
    assert retention.prune(NOW, settings)["service_checks"] == 2
    assert ages(ServiceCheck) == pytest.approx([0.999, 0.1])


def test_results_that_are_not_summed_up_yet_stay_however_old(
    settings: Settings, user: User
) -> None:
    service = make_service(user)
    add_checks(service.id, 30)
    rollups.run()
    add_checks(service.id, 29)
    assert retention.prune(NOW, settings)["service_checks"] == 1
    assert ages(ServiceCheck) == [29]
    rollups.run()
    assert retention.prune(NOW, settings)["service_checks"] == 1


def test_results_of_a_stretch_that_is_half_summed_up_stay(settings: Settings, user: User) -> None:
    add_checks(make_service(user).id, 30, 30)
    with writing() as session:
        session.add(RollupMark(source="service_checks", last_id=0, upto_id=2, service_id=1))
    assert retention.prune(NOW, settings)["service_checks"] == 0


def test_cycles_are_kept_for_days_and_until_they_are_summed_up(
    settings: Settings, user: User
) -> None:
    host = make_host(user)
    add_cycles(host.id, 30, 7.01, 6.99, 1)
    assert retention.prune(NOW, settings)["monitoring_cycles"] == 0
    rollups.run()
    assert retention.prune(NOW, settings)["monitoring_cycles"] == 2
    assert ages(MonitoringCycle) == pytest.approx([6.99, 1])


@pytest.mark.parametrize("model", [ServiceRollup, HostRollup, TeamRollup])
@pytest.mark.parametrize(("resolution", "days"), [(60, 2), (600, 8), (3_600, 62), (86_400, 100)])
def test_finer_sums_go_sooner(
    settings: Settings,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    model: type[ServiceRollup | HostRollup | TeamRollup],
    resolution: int,
    days: int,
) -> None:
    """More of them than a batch at once."""
    monkeypatch.setattr(retention, "BATCH", 3)
    owner = {
        ServiceRollup: lambda: {"service_id": make_service(user).id},
        HostRollup: lambda: {"host_id": make_host(user).id},
        TeamRollup: lambda: {"team_id": team_of(user).id, "host_id": 0},
    }[model]()
    sums = [days + 5 + number / 10 for number in range(10)] + [days + 0.01, days - 0.01]
    with writing() as session:
        rows = [{"resolution": resolution, "bucket_at": NOW - timedelta(days=age)} for age in sums]
        session.execute(sa.insert(model), [owner | row for row in rows])
    assert retention.prune(NOW, settings)[model.__tablename__] == 11
    left = db.session.scalars(sa.select(model.bucket_at)).all()
    assert left == [NOW - timedelta(days=days - 0.01)]


@pytest.mark.usefixtures("app")
def test_an_ended_session_is_remembered_until_its_cookie_has_expired(settings: Settings) -> None:
    with writing() as session:
        session.add_all(
            EndedSession(session_id=str(age), **days_ago(age)) for age in (100, 31.01, 30, 1)
        )

    assert retention.prune(NOW, settings)["ended_sessions"] == 2

    assert set(db.session.scalars(sa.select(EndedSession.session_id))) == {"30", "1"}


@pytest.mark.usefixtures("app")
def test_our_own_outages_are_kept_as_long_as_a_deadline_or_the_history_needs_them(
    settings: Settings,
) -> None:
    with writing() as session:
        for age in (900, 801, 799, 1):
            ended_at = NOW - timedelta(days=age)
            span = {"began_at": ended_at - timedelta(minutes=1), "ended_at": ended_at}
            session.add_all([Outage(**span, settled_at=ended_at), PagesOutage(**span)])
        session.add(Outage(**span | {"ended_at": NOW - timedelta(days=900)}))

    longer = settings.model_copy(update={"history_retention_days": 850})
    assert retention.prune(NOW, longer)["outages"] == 1
    deleted = retention.prune(NOW, settings)

    assert (deleted["outages"], deleted["pages_outages"]) == (1, 1)
    assert sum(outage.settled_at is None for outage in db.session.scalars(sa.select(Outage))) == 1
