"""The last day of a service: from sums where there are any, else from single results."""

from datetime import timedelta

import pytest

from sentinelweb.core.results import Result
from sentinelweb.db import db
from sentinelweb.models import ServiceCheck, ServiceRollup
from sentinelweb.services import service_history
from tests.support.factories import NOW


def add_checks(service, *checks):
    for seconds_ago, status, latency in checks:
        db.session.add(
            ServiceCheck(
                service_id=service.id,
                created_at=NOW - timedelta(seconds=seconds_ago),
                status=status,
                latency_ms=latency,
            )
        )
    db.session.commit()


def add_sums(service, resolution, *sums):
    for seconds_ago, healthy, error, latency in sums:
        db.session.add(
            ServiceRollup(
                service_id=service.id,
                resolution=resolution,
                bucket_at=NOW - timedelta(seconds=seconds_ago),
                healthy=healthy,
                error=error,
                latency_count=healthy,
                latency_sum=healthy * latency,
                latency_min=latency,
                latency_max=latency,
            )
        )
    db.session.commit()


def test_there_is_none_without_a_result(user, make_service):
    service = make_service(user)
    assert service_history.last_day(service.id, NOW) is None


def test_single_results_do_until_they_are_summed_up(user, make_service, clock):
    service = make_service(user)
    add_checks(service, (60, "healthy", 20.0), (30, "timeout", None), (0, "healthy", 40.0))
    day = service_history.last_day(service.id, NOW)
    assert [item.mean for item in day.sums] == [20.0, None, 40.0]
    assert day.distribution == [
        (Result.HEALTHY, 2, pytest.approx(2 / 3)),
        (Result.TIMEOUT, 1, pytest.approx(1 / 3)),
    ]


def test_a_young_service_is_drawn_by_the_minute_and_an_old_one_coarser(user, make_service, clock):
    young, old = make_service(user), make_service(user)
    add_sums(young, 600, (600, 10, 0, 10.0))
    add_sums(young, 60, (120, 1, 0, 10.0), (60, 1, 0, 30.0))
    add_sums(old, 600, (20 * 3600, 10, 2, 10.0), (600, 10, 0, 30.0))
    add_sums(old, 60, (60, 1, 0, 30.0))
    assert [item.seconds for item in service_history.last_day(young.id, NOW).sums] == [60, 60]
    day = service_history.last_day(old.id, NOW)
    assert [item.seconds for item in day.sums] == [600, 600]
    assert day.total.mean == 20.0
    assert (day.total.lowest, day.total.highest) == (10.0, 30.0)
    assert day.sums[0].worst is Result.ERROR
    assert day.sums[1].worst is None


def test_older_results_are_left_out(user, make_service, clock):
    service = make_service(user)
    add_sums(service, 600, (90_000, 10, 0, 10.0), (3 * 3600, 1, 0, 10.0))
    assert service_history.last_day(service.id, NOW).total.counts == {Result.HEALTHY: 1}


def test_the_table_has_a_row_an_hour_latest_first(user, make_service, clock):
    service = make_service(user)
    sums = ((n * 600, 1, 0, float(n)) for n in range(18, 0, -1))
    add_sums(service, 600, *sums)
    hours = service_history.last_day(service.id, NOW).by_hour()
    assert [hour.at.hour for hour in hours] == [11, 10, 9]
    assert hours[0].by_result == [(Result.HEALTHY, 6)]
    assert (hours[0].lowest, hours[0].highest) == (1.0, 6.0)
