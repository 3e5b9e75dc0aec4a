"""What becomes of results: records, latest state, status after debounce, alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, Host, Service, ServiceCheck, StatusChange, User
from sentinelweb.models.service import RECENT_RESULTS
from sentinelweb.services import counts, leases, probing
from sentinelweb.services.probing import Found, Recorded, record
from tests.support.factories import NOW
from tests.support.parallel import together

MakeService = Callable[..., Service]

HEALTHY = ProbeResult(Result.HEALTHY, latency_ms=12.5, status_code=200)
ERROR = ProbeResult(Result.ERROR, latency_ms=3.0, status_code=500, reason="HTTP 500")
UNKNOWN = ProbeResult(Result.UNKNOWN, reason="Docker not reachable")


def after(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


def found(service: Service, result: ProbeResult, seconds: float = 0) -> Found:
    return Found(service.id, result, after(seconds))


def fresh(service: Service) -> Service:
    db.session.refresh(service)
    return service


def checks() -> list[ServiceCheck]:
    return list(db.session.scalars(sa.select(ServiceCheck).order_by(ServiceCheck.id)))


def changes() -> list[str]:
    return list(db.session.scalars(sa.select(StatusChange.new_status).order_by(StatusChange.id)))


def deliveries() -> list[Delivery]:
    return list(db.session.scalars(sa.select(Delivery).order_by(Delivery.id)))


def alerting(service: Service, channel: Channel) -> Service:
    service.channels = [channel]
    db.session.commit()
    return service


def test_a_result_is_recorded_and_becomes_the_latest(user: User, make_service: MakeService):
    service = make_service(user)
    expires_at = after(86_400)
    result = ProbeResult(Result.HEALTHY, 12.5, 200, certificate_expires_at=expires_at)
    assert record([found(service, result)], cycle_id="a cycle") == Recorded(1, 1, 0)
    [check] = checks()
    assert (check.service_id, check.cycle_id, check.created_at) == (service.id, "a cycle", NOW)
    assert (check.status, check.latency_ms, check.status_code) == ("healthy", 12.5, 200)
    fresh(service)
    assert (service.status, service.status_since) == ("up", NOW)
    assert (service.last_check_at, service.last_result) == (NOW, "healthy")
    assert (service.last_latency_ms, service.last_status_code) == (12.5, 200)
    assert service.certificate_expires_at == expires_at
    assert service.recent == "h"
    assert counts.by_status("service")["up"] == 1


def test_what_a_later_result_does_not_tell_of_the_certificate_stays(
    user: User, make_service: MakeService
):
    service = make_service(user, certificate_expires_at=after(86_400))
    record([found(service, ERROR)])
    assert fresh(service).certificate_expires_at == after(86_400)


@pytest.mark.settings(status_change_threshold=3)
def test_an_alert_comes_with_the_failure_that_confirms_the_others_and_names_the_reason(
    user: User, make_service: MakeService, make_channel: Callable[..., Channel]
):
    service = alerting(make_service(user, last_check_at=NOW), make_channel(user))
    for number in (1, 2):
        assert record([found(service, ERROR, number)]).alerts == 0
        assert (fresh(service).status, service.failures) == ("up", number)
    assert record([found(service, ERROR, 3)]) == Recorded(1, 1, 1)
    assert (fresh(service).status, service.failures, service.last_error) == ("down", 3, "HTTP 500")
    [delivery] = deliveries()
    assert delivery.event == "down"
    assert delivery.facts["note"] == "HTTP 500"
    assert delivery.facts["previous"] == "up"
    assert delivery.facts["failures"] == 3
    assert delivery.facts["occurred_at"] == after(3).isoformat()
    assert record([found(service, ERROR, 4)]) == Recorded(1, 0, 0)


def test_the_first_answer_ends_an_incident_and_tells_the_latency(
    user: User, make_service: MakeService, make_channel: Callable[..., Channel]
):
    service = make_service(user, status="down", last_check_at=NOW, last_result="error", failures=9)
    alerting(service, make_channel(user))
    assert record([found(service, HEALTHY, 60)]).alerts == 1
    [delivery] = deliveries()
    assert delivery.event == "up"
    assert delivery.facts["latency_ms"] == 12.5
    assert delivery.facts["down_for"] == 60
    assert fresh(service).failures == 0


def test_a_services_own_threshold_counts(user: User, make_service: MakeService):
    service = make_service(user, threshold=1)
    record([found(service, ERROR)])
    assert fresh(service).status == "down"


def test_our_own_failures_raise_no_alarm_and_clear_none(user: User, make_service: MakeService):
    service = make_service(user, last_check_at=NOW, threshold=2)
    results = [ERROR, UNKNOWN, UNKNOWN, UNKNOWN]
    record([found(service, result, number) for number, result in enumerate(results, 1)])
    assert (fresh(service).status, service.failures) == ("up", 1)
    assert (service.last_result, service.last_error) == ("unknown", "Docker not reachable")
    record([found(service, ERROR, 9)])
    assert fresh(service).status == "down"


def test_several_results_of_a_service_count_one_after_the_other(
    user: User, make_service: MakeService
):
    """As an agent reports them that could not reach us for a while."""
    first, second = (make_service(user, last_check_at=NOW, threshold=2) for _ in range(2))
    results = [
        *(found(first, result, n) for n, result in enumerate([ERROR, ERROR, HEALTHY, ERROR], 1)),
        *(found(second, result, n) for n, result in enumerate([HEALTHY, ERROR, ERROR], 1)),
    ]
    assert record(list(reversed(results))) == Recorded(7, 3, 0)
    assert (fresh(first).status, first.recent, first.failures) == ("up", "eehe", 1)
    assert (fresh(second).status, second.recent) == ("down", "hee")
    assert sorted(changes()) == ["down", "down", "up"]


def test_an_older_result_is_recorded_and_changes_nothing_else(
    user: User, make_service: MakeService
):
    service = make_service(user, threshold=1)
    record([found(service, HEALTHY, 10)])
    record([found(service, ERROR, 5)])
    assert (fresh(service).status, service.last_check_at) == ("up", after(10))
    assert service.recent == "h"
    assert [check.status for check in checks()] == ["healthy", "error"]


def test_the_same_result_told_twice_counts_once(user: User, make_service: MakeService):
    service = make_service(user)
    assert record([found(service, ERROR)]).results == 1
    assert record([found(service, ERROR)]).results == 0
    assert fresh(service).failures == 1
    assert len(checks()) == 1


def test_results_of_services_that_are_gone_or_paused_are_dropped(
    user: User, make_service: MakeService
):
    service, paused, gone = make_service(user), make_service(user, status="paused"), 99_999
    results = [found(service, HEALTHY), found(paused, ERROR), Found(gone, ERROR, NOW)]
    assert record(results).results == 1
    assert [check.service_id for check in checks()] == [service.id]
    assert fresh(paused).last_check_at is None


def test_a_result_of_a_lease_ends_it_and_sets_the_next_slot(user: User, make_service: MakeService):
    service = make_service(user, interval=60, next_check_at=NOW)
    with writing() as session:
        leases.claim(session, after(3), limit=500)
    record([found(service, HEALTHY, 9)], cycle_id="a cycle", token=after(3))
    assert fresh(service).claimed_at is None
    assert service.next_check_at == after(60)


def test_a_result_whose_lease_was_lost_does_not_count(user: User, make_service: MakeService):
    """The service was edited meanwhile, or another worker looks at it again."""
    edited, claimed = make_service(user, next_check_at=NOW), make_service(user, claimed_at=after(9))
    results = [found(edited, ERROR), found(claimed, ERROR)]
    assert record(results, cycle_id="a cycle", token=after(3)).results == 0
    assert fresh(edited).last_check_at is None
    assert fresh(claimed).claimed_at == after(9)
    assert checks() == []


def test_a_result_that_a_person_asked_for_leaves_the_lease(user: User, make_service: MakeService):
    service = make_service(user, next_check_at=NOW)
    with writing() as session:
        leases.claim(session, NOW, limit=500)
    record([found(service, HEALTHY, 1)])
    assert fresh(service).claimed_at == NOW
    assert service.next_check_at == NOW + leases.WAITING_LEASE


def test_the_services_of_an_agent_are_never_due_here(
    user: User, make_service: MakeService, make_host: Callable[..., Host]
):
    service = make_service(user, probe="agent", host_id=make_host(user).id, next_check_at=None)
    record([found(service, HEALTHY)], cycle_id="the agent's cycle")
    assert fresh(service).status == "up"
    assert service.next_check_at is None


def test_only_the_latest_results_are_kept_at_hand(user: User, make_service: MakeService):
    service = make_service(user)
    record([found(service, HEALTHY, number) for number in range(RECENT_RESULTS)])
    record([found(service, ERROR, 1_000)])
    assert fresh(service).recent == "h" * (RECENT_RESULTS - 1) + "e"


def test_any_text_can_be_a_reason(user: User, make_service: MakeService):
    service = make_service(user, threshold=1)
    record([found(service, ProbeResult(Result.DOWN, reason="\0" + "é" * 1_000))])
    assert fresh(service).last_error == "é" * 300


def test_batches_are_commits_of_their_own(
    user: User, make_service: MakeService, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(probing, "BATCH", 3)
    services = [make_service(user) for _ in range(8)]
    assert record([found(service, HEALTHY) for service in services]).results == 8
    assert {fresh(service).status for service in services} == {"up"}


def test_of_the_same_failure_recorded_twice_at_once_one_alert_comes(
    app: Flask, user: User, make_service: MakeService, make_channel: Callable[..., Channel]
):
    channel = make_channel(user)
    services = [alerting(make_service(user, threshold=1), channel) for _ in range(20)]
    functions = [
        lambda n=n: record([found(service, ERROR, n) for service in services]) for n in range(4)
    ]
    together(app, functions)
    assert len(deliveries()) == 20
    assert changes() == ["down"] * 20
    assert counts.by_status("service")["down"] == 20
