"""The figures of the system dashboard: from rows and from sums, of one's own teams alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from config import Settings
from sentinelweb.core.ranges import RANGES
from sentinelweb.core.uids import time_ordered_uuid
from sentinelweb.db import db, writing
from sentinelweb.models import Host, MonitoringCycle, Service, ServiceCheck, User
from sentinelweb.services import live, live_answer, rollups
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.live import LiveQuery, Panel
from tests.conftest import Clock
from tests.support.factories import NOW, make_host, make_service

Answer = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def clock(clock: Clock) -> Clock:
    clock.now = NOW + timedelta(hours=1, seconds=5)
    return clock


@pytest.fixture
def host(app: Flask, user: User) -> Host:
    return make_host(user, name="web-1", is_local=True)


@pytest.fixture
def service(app: Flask, user: User) -> Service:
    return make_service(user, name="Website", last_check_at=NOW, last_latency_ms=12.345)


@pytest.fixture
def panel(settings: Settings, user: User) -> Callable[..., Panel]:
    def panel(
        range_: str | None = None, host: str = "", services: tuple[str, ...] = (), who: User = user
    ) -> Panel:
        db.session.rollback()
        return live.build(who, LiveQuery.parse(range_, host, services), settings)

    return panel


@pytest.fixture
def answer(panel: Callable[..., Panel]) -> Answer:
    """What the API says, through JSON."""
    return lambda *args, **kwargs: json.loads(
        json.dumps(live_answer.answer(panel(*args, **kwargs)))
    )


def add_cycle(host: Host, ago: float, **values: Any) -> None:
    """`ago` is in seconds before the present."""
    at = NOW + timedelta(hours=1, seconds=5) - timedelta(seconds=ago)
    id_ = str(time_ordered_uuid(at, 0))
    with writing() as session:
        session.add(MonitoringCycle(id=id_, host_id=host.id, created_at=at, **values))


def add_check(service: Service, ago: float, status: str = "healthy", **values: Any) -> None:
    at = NOW + timedelta(hours=1, seconds=5) - timedelta(seconds=ago)
    row = {"service_id": service.id, "created_at": at, "status": status, **values}
    with writing() as session:
        session.execute(sa.insert(ServiceCheck), [row])


def test_an_empty_dashboard_has_every_field_and_no_figure(answer: Answer) -> None:
    found = answer()
    assert found["last_updated"] is None
    assert found["system"]["cpu"] is None
    assert found["monitor"]["uptime"] == {"1h": None}
    assert found["monitor"]["distribution"] == []
    assert found["network"]["uptime_counts"] == {"success": 0, "failure": 0}
    assert found["services"] == []
    assert len(found["history"]["times"]) == 30
    assert found["history"]["system"]["cpu"] == [None] * 30


@pytest.mark.parametrize(
    ("name", "step", "buckets"),
    [
        ("live", 10, 30),
        ("1h", 120, 30),
        ("3h", 360, 30),
        ("6h", 600, 36),
        ("12h", 1_200, 36),
        ("24h", 3_000, 29),
        ("7d", 21_600, 28),
        ("30d", 86_400, 30),
    ],
)
def test_each_range_has_about_the_points_of_the_setting(
    answer: Answer, host: Host, service: Service, name: str, step: int, buckets: int
) -> None:
    add_cycle(host, 3, cpu_percent=42)
    add_check(service, 3, latency_ms=7)
    rollups._sum_results()
    rollups._sum_cycles(NOW + timedelta(hours=2))
    found = answer(name)
    history = found["history"]
    assert (found["step_seconds"], len(history["timestamps"])) == (step, buckets)
    assert {
        len(series)
        for series in (
            history["times"],
            *history["system"].values(),
            history["cycle_duration"],
            history["ping"],
            history["services"]["Website"],
            *history["distribution"].values(),
        )
    } == {buckets}
    assert history["system"]["cpu"][-1] == 42
    assert history["services"]["Website"][-1] == 7
    assert history["distribution"]["healthy"] == [0] * (buckets - 1) + [1]


@pytest.mark.settings(target_data_points=120, loop_interval_seconds=30)
def test_no_bucket_is_shorter_than_what_there_are_rows_for(answer: Answer) -> None:
    assert answer("live")["step_seconds"] == 30
    assert answer("1h")["step_seconds"] == 60
    assert answer("24h")["step_seconds"] == 600
    assert answer("30d")["step_seconds"] == 86_400


def test_the_latest_cycle_tells_how_the_host_is(answer: Answer, host: Host) -> None:
    add_cycle(host, 20, cpu_percent=1)
    add_cycle(
        host,
        10,
        cpu_percent=12.346,
        ram_percent=40,
        ram_used_mb=2_048,
        disk_percent=71,
        uptime_seconds=2 * 86_400 + 17 * 3_600 + 15 * 60 + 18,
        container_count=27,
        internet_status=True,
        ping_ms=44,
        worker_status=220,
        services_due=5,
        services_late=2,
    )
    found = answer("live")
    assert found["last_updated_at"] == "2026-01-07T12:59:55+00:00"
    assert found["system"] == {
        "cpu": 12.35,
        "ram": 40,
        "ram_used_mb": 2_048,
        "disk": 71,
        "containers": "27 Containers",
        "container_count": 27,
        "uptime": "2d 17h 15m 18s",
        "uptime_seconds": 234_918,
    }
    assert found["monitor"]["worker_status"] == 220
    assert found["monitor"]["services_late"] == 2
    assert found["network"]["internet_status"] is True
    assert found["history"]["system"]["cpu"][-3:] == [1, 12.35, None]


@pytest.mark.parametrize("name", ["live", "1h", "7d"])
def test_jitter_is_the_largest_less_the_smallest(
    answer: Answer, host: Host, service: Service, name: str
) -> None:
    for ago, figure in ((6, 10), (7, 40), (8, 25)):
        add_cycle(host, ago, cycle_duration_ms=figure, ping_ms=figure)
        add_check(service, ago, latency_ms=figure)
    rollups._sum_results()
    rollups._sum_cycles(NOW + timedelta(hours=2))
    found = answer(name)
    wanted = {"max": 40, "avg": 25, "min": 10, "jitter": 30}
    assert found["monitor"]["stats"] == wanted
    assert found["network"]["stats"] == wanted
    stats = found["services"][0]["stats"]
    assert {key: stats[key] for key in wanted} == wanted
    history = found["history"]
    for series in (history["cycle_jitter"], history["ping_jitter"], history["latency_jitter"]):
        assert 30 in series
    assert 30 in history["services_jitter"]["Website"]


@pytest.mark.parametrize("name", ["live", "3h", "30d"])
def test_uptime_is_over_the_cycles_of_the_range(answer: Answer, host: Host, name: str) -> None:
    for ago, reached, code in (
        (10, True, 200),
        (20, False, None),
        (30, True, 200),
        (40, True, 500),
    ):
        add_cycle(host, ago, internet_status=reached, worker_status=code)
    add_cycle(host, 50)
    rollups._sum_cycles(NOW + timedelta(hours=2))
    found = answer(name)
    assert found["network"]["uptime"] == 75
    assert found["network"]["uptime_counts"] == {"success": 3, "failure": 1}
    assert found["monitor"]["uptime"] == {name: 40}
    assert found["monitor"]["distribution"] == [
        {"name": "200", "value": 2},
        {"name": "TIMEOUT", "value": 2},
        {"name": "500", "value": 1},
    ]


def test_without_a_relay_silence_is_no_answer_of_it(answer: Answer, host: Host) -> None:
    add_cycle(host, 10)
    assert answer("live")["monitor"]["distribution"] == []


@pytest.mark.settings(heartbeat_url="http://127.0.0.1:9/relay")
def test_with_a_relay_it_is(answer: Answer, host: Host) -> None:
    add_cycle(host, 10)
    assert answer("live")["monitor"]["distribution"] == [{"name": "TIMEOUT", "value": 1}]


@pytest.mark.parametrize("name", ["live", "1h", "24h", "30d"])
def test_results_are_counted_by_kind_and_our_own_failures_do_not_lower_the_uptime(
    answer: Answer, service: Service, name: str
) -> None:
    words = ("healthy", "healthy", "healthy", "down", "unknown", "unknown")
    for ago, word in enumerate(words, 6):
        add_check(service, ago, word)
    rollups.run()
    [found] = answer(name)["services"]
    assert found["stats"]["uptime"] == 75
    assert found["stats"]["distribution"] == {"healthy": 3, "down": 1, "unknown": 2}
    assert (found["stats"]["success"], found["stats"]["failure"]) == (3, 3)


def test_what_is_before_the_range_does_not_count(
    answer: Answer, host: Host, service: Service
) -> None:
    add_cycle(host, 400, cpu_percent=99, internet_status=False)
    add_check(service, 400, "down")
    found = answer("live")
    assert found["network"]["uptime"] is None
    assert found["services"][0]["stats"]["distribution"] == {}


def test_a_service_tells_its_last_result(answer: Answer, user: User) -> None:
    make_service(
        user,
        name="Shop",
        probe="http",
        last_check_at=NOW,
        last_result="error",
        last_status_code=503,
        last_error="HTTP 503",
        status="down",
    )
    [found] = answer()["services"]
    assert (found["status"], found["monitor_status"], found["status_code"]) == (
        "error",
        "down",
        503,
    )
    assert (found["service_type"], found["error"], found["latency"]) == ("http", "HTTP 503", None)


def test_errors_are_masked(answer: Answer, user: User) -> None:
    make_service(
        user,
        last_check_at=NOW,
        last_result="error",
        last_error="GET https://me:hush@example.com/a?token=hush failed: Bearer hush, api_key=hush",
    )
    assert "hush" not in json.dumps(answer())
    assert answer()["services"][0]["error"].startswith("GET https://example.com/a failed")


def test_a_healthy_service_shows_no_old_error(answer: Answer, user: User) -> None:
    make_service(user, last_check_at=NOW, last_result="healthy", last_error="HTTP 500")
    assert answer()["services"][0]["error"] is None


def test_services_of_one_name_have_a_series_each(answer: Answer, user: User) -> None:
    one, other = make_service(user), make_service(user)
    names = set(answer()["history"]["services"])
    assert names == {f"Website ({one.id})", f"Website ({other.id})"}


def test_those_that_need_a_look_come_first_and_there_is_a_limit(
    answer: Answer, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_SERVICES", 3)
    for status, name in (("up", "b"), ("down", "d"), ("up", "a"), ("paused", "c"), ("late", "e")):
        make_service(user, name=name, status=status)
    found = answer()
    assert [item["name"] for item in found["services"]] == ["d", "e", "a"]
    assert list(found["history"]["services"]) == ["d", "e", "a"]
    assert found["services_total"] == 5


def test_others_can_be_asked_for(answer: Answer, user: User) -> None:
    services = [make_service(user, name=f"Website {number}") for number in range(3)]
    found = answer(services=(str(services[2].id), str(services[2].id), str(services[0].id)))
    assert [item["name"] for item in found["services"]] == ["Website 0", "Website 2"]


def test_the_results_of_all_services_are_counted_whatever_is_listed(
    answer: Answer, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_SERVICES", 1)
    for name in ("a", "b"):
        add_check(make_service(user, name=name), 5, latency_ms=1)
    rollups.run()
    for name in ("live", "1h", "30d"):
        assert sum(answer(name)["history"]["distribution"]["healthy"]) == 2


def test_the_local_host_is_shown_first_and_another_by_its_number(
    answer: Answer, user: User, host: Host, service: Service
) -> None:
    other = make_host(user, name="a-host")
    agents = make_service(user, name="Database", probe="agent", host_id=other.id, reported_as="db")
    add_cycle(other, 5, cpu_percent=77)
    add_check(agents, 5)
    add_check(service, 5)
    rollups.run()
    assert answer()["host"]["name"] == "web-1"
    assert [item["name"] for item in answer()["services"]] == ["Website"]
    found = answer("live", str(other.id))
    assert found["host"] == {"id": other.id, "name": "a-host", "status": "new"}
    assert found["system"]["cpu"] == 77
    assert [item["name"] for item in found["services"]] == ["Database"]
    assert sum(answer("1h", str(other.id))["history"]["distribution"]["healthy"]) == 1


def test_nothing_of_another_team_is_shown(
    answer: Answer, user: User, other_user: User, host: Host, service: Service
) -> None:
    add_cycle(host, 5, cpu_percent=77)
    add_check(service, 5)
    rollups.run()
    found = answer("1h", who=other_user)
    assert (found["host"], found["services"], found["services_total"]) == (None, [], 0)
    assert sum(found["history"]["distribution"]["healthy"]) == 0
    with pytest.raises(NotFoundError):
        answer(host=str(host.id), who=other_user)
    with pytest.raises(NotFoundError):
        answer(services=(str(service.id),), who=other_user)


@pytest.mark.parametrize("number", ["99999", "99999999999"])
def test_a_host_or_service_that_is_not_there_is_not_found(answer: Answer, number: str) -> None:
    with pytest.raises(NotFoundError):
        answer(host=number)
    with pytest.raises(NotFoundError):
        answer(services=(number,))


@pytest.mark.parametrize(
    "arguments",
    [
        ("2h", None, []),
        ("LIVE", None, []),
        ("1h\0", None, []),
        ("1h", "x", []),
        ("1h", "-1", []),
        ("1h", "٣", []),
        ("1h", "9" * 5_000, []),
        ("1h", None, [""]),
        ("1h", None, ["1"] * 51),
    ],
)
def test_what_cannot_be_understood_is_told(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"range|host|service"):
        LiveQuery.parse(*arguments)


def test_own_cycles_that_stay_out_are_noticed(
    panel: Callable[..., Panel], user: User, host: Host, clock: Clock
) -> None:
    assert not panel().lags
    add_cycle(host, 30)
    assert not panel().lags
    clock.advance(seconds=10)
    assert panel().lags
    other = make_host(user, name="agent")
    add_cycle(other, 9_000)
    assert not panel(host=str(other.id)).lags


def test_the_state_changes_with_what_is_shown_and_only_then(
    settings: Settings, user: User, host: Host, service: Service, clock: Clock
) -> None:
    def state(name: str = "1h") -> str:
        db.session.rollback()
        return live.state(user, LiveQuery.parse(name, None, []), settings)

    states = [state(), state()]
    assert len(set(states)) == 1
    clock.advance(seconds=1)
    assert state() == states[0]
    add_cycle(host, 0)
    states.append(state())
    with writing():
        service.last_check_at = clock.now
    states.append(state())
    clock.advance(minutes=2)
    states.append(state())
    states.append(state("3h"))
    assert len(set(states)) == 5


@pytest.mark.parametrize("name", RANGES)
def test_every_range_asks_a_bounded_number_of_questions(
    panel: Callable[..., Panel], user: User, host: Host, name: str
) -> None:
    for number in range(5):
        add_check(make_service(user, name=f"Website {number}"), 5)
    rollups.run()
    asked: list[str] = []
    sa.event.listen(
        db.engine, "before_cursor_execute", lambda _c, _cu, text, *_rest: asked.append(text)
    )
    panel(name)
    assert len(asked) <= 14
