"""Leases: each due service goes to one claimer, and comes back when that is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from sentinelweb.db import db, writing
from sentinelweb.models import Service, User
from sentinelweb.services import leases
from sentinelweb.services.leases import LEASE, WAITING_LEASE, next_slot
from tests.support.factories import NOW
from tests.support.parallel import together

MakeService = Callable[..., Service]


def claim(now: datetime = NOW, *, limit: int = 500) -> list[int]:
    with writing() as session:
        return leases.claim(session, now, limit=limit)


def fresh(service: Service) -> Service:
    db.session.refresh(service)
    return service


def test_a_service_is_claimed_once(user: User, make_service: MakeService):
    service = make_service(user, next_check_at=NOW)
    assert claim() == [service.id]
    assert claim(NOW + timedelta(minutes=1)) == []
    assert fresh(service).claimed_at == NOW
    assert service.next_check_at == NOW + WAITING_LEASE


def test_what_is_not_due_is_not_claimed(user: User, make_service: MakeService):
    make_service(user, next_check_at=NOW + timedelta(seconds=1))
    make_service(user, status="paused")
    assert claim() == []


def test_the_longest_overdue_come_first(user: User, make_service: MakeService):
    services = [make_service(user, next_check_at=NOW - timedelta(seconds=n)) for n in range(4)]
    assert set(claim(limit=2)) == {services[3].id, services[2].id}
    assert set(claim(limit=2)) == {services[1].id, services[0].id}


def test_many_claimers_at_once_share_what_is_due(app: Flask, user: User, make_service: MakeService):
    ids = {make_service(user, next_check_at=NOW).id for _ in range(60)}

    def take() -> list[int]:
        taken = []
        while found := claim(limit=5):
            taken += found
        return taken

    taken = [id_ for found in together(app, [take] * 4) for id_ in found]
    assert sorted(taken) == sorted(ids)


def test_a_lease_that_is_over_is_due_again(user: User, make_service: MakeService):
    service = make_service(user, next_check_at=NOW)
    claim()
    later = NOW + WAITING_LEASE
    assert claim(later) == [service.id]
    assert fresh(service).claimed_at == later


def test_looking_begins_with_a_lease_that_must_be_renewed(user: User, make_service: MakeService):
    service = make_service(user, next_check_at=NOW, timeout=7, options={"method": "GET"})
    ids = claim()
    begun_at = NOW + timedelta(seconds=20)
    [due] = leases.begin(ids, NOW, begun_at)
    assert (due.id, due.probe, due.target.address) == (service.id, "http", service.target)
    assert (due.target.timeout, due.target.options) == (7, {"method": "GET"})
    assert fresh(service).next_check_at == begun_at + LEASE
    leases.renew(ids, NOW, begun_at + timedelta(seconds=3))
    assert fresh(service).next_check_at == begun_at + LEASE + timedelta(seconds=3)


@pytest.mark.settings(service_timeout_seconds=9)
def test_a_service_without_a_timeout_of_its_own_has_the_settings(
    user: User, make_service: MakeService
):
    service = make_service(user)
    assert leases.load([service.id])[0].target.timeout == 9


def test_who_has_lost_a_lease_neither_begins_nor_renews(user: User, make_service: MakeService):
    service = make_service(user, next_check_at=NOW)
    ids = claim()
    later = NOW + WAITING_LEASE
    assert claim(later) == ids
    assert leases.begin(ids, NOW, later) == []
    leases.renew(ids, NOW, later)
    assert fresh(service).next_check_at == later + WAITING_LEASE


def test_a_service_that_was_paused_meanwhile_is_not_begun(user: User, make_service: MakeService):
    service = make_service(user, next_check_at=NOW)
    ids = claim()
    service.next_check_at = None
    db.session.commit()
    assert leases.begin(ids, NOW, NOW) == []


def test_a_person_may_have_a_service_looked_at_that_is_not_due(
    user: User, make_service: MakeService, make_host: Callable[..., Any]
):
    service = make_service(user, next_check_at=NOW + timedelta(hours=1))
    paused = make_service(user, status="paused")
    agents = make_service(user, probe="agent", host_id=make_host(user).id, next_check_at=None)
    found = leases.load([service.id, paused.id, agents.id])
    assert [due.id for due in found] == [service.id]
    assert fresh(service).next_check_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_released_leases_are_due_at_once(
    user: User, make_service: MakeService, monkeypatch: pytest.MonkeyPatch, count: int
):
    monkeypatch.setattr(leases, "BATCH", 3)
    services = [make_service(user, next_check_at=NOW) for _ in range(count)]
    other = make_service(user, next_check_at=NOW + timedelta(hours=1))
    claim()
    later = NOW + timedelta(seconds=5)
    assert leases.release_leases(later) == len(services)
    for service in services:
        assert fresh(service).claimed_at is None
        assert service.next_check_at == later
    assert fresh(other).next_check_at == NOW + timedelta(hours=1)


def test_only_what_still_waits_counts_as_lost(user: User, make_service: MakeService):
    waiting, begun = (make_service(user, next_check_at=NOW) for _ in range(2))
    claim()
    later = NOW + timedelta(seconds=40)
    leases.begin([begun.id], NOW, later)
    assert leases.release_waiting(later, claimed_before=NOW) == 0
    assert leases.release_waiting(later, claimed_before=NOW + timedelta(seconds=1)) == 1
    assert fresh(waiting).claimed_at is None
    assert fresh(begun).claimed_at == NOW


@pytest.mark.parametrize(
    ("now", "interval", "expected"),
    [
        ("12:00:03", 10, "12:00:10"),
        ("12:00:10", 10, "12:00:20"),
        ("12:00:59.999", 60, "12:01:00"),
        ("12:00:03", 15, "12:00:15"),
        ("23:59:59", 3_600, "00:00:00"),
    ],
)
def test_the_next_slot_is_aligned_to_the_clock(now: str, interval: int, expected: str):
    begun = datetime.fromisoformat(f"2026-01-07T{now}").replace(tzinfo=UTC)
    assert f"{next_slot(begun, interval):%H:%M:%S}" == expected


@pytest.mark.settings(loop_interval_seconds=10)
def test_probing_lags_when_services_are_overdue_by_more_than_a_cycle(
    user: User, make_service: MakeService
):
    make_service(user, next_check_at=NOW)
    claim()
    make_service(user, next_check_at=NOW + timedelta(seconds=1))
    make_service(user, next_check_at=NOW + timedelta(hours=1))
    assert leases.lag(NOW + timedelta(seconds=11)) is None
    assert leases.lag(NOW + timedelta(seconds=12.5)) == leases.Lag(1, NOW)
    assert leases.lag(NOW + timedelta(seconds=60)) == leases.Lag(2, NOW)
