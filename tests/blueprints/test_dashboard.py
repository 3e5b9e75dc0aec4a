"""`/dashboard/system` and `GET /api/live`, as a browser and as a program see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.core.ranges import RANGES
from sentinelweb.core.results import Result
from sentinelweb.db import db, writing
from sentinelweb.models import Host, MonitoringCycle, Service, User
from tests.conftest import Clock
from tests.support.checked_client import CheckedClient
from tests.support.databases import both_databases
from tests.support.factories import NOW, make_host, make_service
from tests.support.histories import Incident, Story, write_history

PAGE = "/dashboard/system"
API = "/api/live"


@pytest.fixture(autouse=True)
def clock(clock: Clock) -> Clock:
    return clock


@pytest.fixture
def visitor(
    client: CheckedClient, user: User, login: Callable[[CheckedClient, User], None]
) -> CheckedClient:
    login(client, user)
    return client


@pytest.fixture
def host(user: User) -> Host:
    return make_host(user, name="monitor-1", is_local=True, last_report_at=NOW)


@pytest.fixture
def history(user: User, host: Host) -> list[Service]:
    """Three services with a month of history; the second is failing just now."""
    services = [
        make_service(user, name=name, status=status, last_check_at=NOW)
        for name, status in (("Website", "up"), ("API", "down"), ("Database", "up"))
    ]
    outage = Incident(
        NOW - timedelta(minutes=10), NOW + timedelta(days=1), Result.ERROR, "HTTP 503"
    )
    stories = [
        Story(service.id, service.team_id, incidents=[outage] if service.name == "API" else [])
        for service in services
    ]
    write_history(host.id, stories, NOW)
    return services


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("name", RANGES)
def test_every_range_is_a_page_with_its_charts_and_tables(
    visitor: CheckedClient, name: str
) -> None:
    assert visitor.get(PAGE, query_string={"range": name}).status_code == 200
    assert visitor.page is not None
    current = visitor.page.query('.ranges [aria-current="true"]')
    assert [link.attrs["href"] for link in current] == [f"{PAGE}?range={name}"]
    charts = {figure.attrs["id"] for figure in visitor.page.query("[data-chart]")}
    names = ("cpu", "ram", "disk", "cycles", "internet", "latency", "services")
    assert charts == {f"chart-{chart}" for chart in names}
    for chart in names:
        assert visitor.page.query(f"#chart-{chart} svg path"), f"{chart} has no image"
        assert len(visitor.page.query(f"#table-{chart} tbody tr")) >= 3
    assert len(visitor.page.query("#table-results tbody tr")) >= 25


@pytest.mark.usefixtures("history")
def test_the_page_tells_how_the_host_and_its_services_are(visitor: CheckedClient) -> None:
    visitor.get(PAGE)
    facts = visitor.text(".system-facts")
    for text in ("monitor-1", "12", "Recorded", "19d"):
        assert text in facts
    assert "Online" in visitor.text("#system")
    cards = [card.to_text() for card in visitor.page.query(".service-card")]
    assert [card.split()[0] for card in cards] == ["API", "Database", "Website"]
    assert "HTTP 503" in cards[0]
    assert "Error" in cards[0]


@pytest.mark.usefixtures("history")
def test_the_refresh_is_the_same_panel_or_nothing_when_nothing_changed(
    visitor: CheckedClient, clock: Clock
) -> None:
    page = visitor.get(f"{PAGE}?range=live").text
    address = re.search(r'hx-get="([^"]+)"', page)
    assert address
    assert 'hx-trigger="every 2s, refresh"' in page
    headers = {"HX-Request": "true"}
    url = address[1].replace("&amp;", "&")
    assert visitor.get(url, headers=headers).status_code == 204
    clock.advance(seconds=10)
    refreshed = visitor.get(url, headers=headers)
    assert refreshed.status_code == 200
    assert refreshed.text.lstrip().startswith('<div class="system"')


def test_without_a_cycle_and_services_it_says_what_it_waits_for(visitor: CheckedClient) -> None:
    visitor.get(PAGE)
    assert "Waiting for the first cycle" in visitor.text("main")


def test_with_services_of_which_nothing_is_known_yet_it_has_charts_without_figures(
    visitor: CheckedClient, user: User
) -> None:
    make_service(user)
    visitor.get(PAGE)
    assert "No figures in this range" in visitor.text("#chart-cpu")


def test_a_host_without_services_has_no_charts_of_them(visitor: CheckedClient, host: Host) -> None:
    with writing() as session:
        session.add(MonitoringCycle(id="a", host_id=host.id, created_at=NOW))
    visitor.get(PAGE)
    assert visitor.page.query("#chart-cpu")
    assert not visitor.page.query("#heading-results, #heading-latency, .service-card")


def test_there_is_a_choice_of_hosts_when_there_are_several(
    visitor: CheckedClient, user: User, host: Host
) -> None:
    visitor.get(PAGE)
    assert not visitor.page.query("#host")
    other = make_host(user, name="db-2")
    visitor.get(PAGE)
    assert [option.to_text() for option in visitor.page.query("#host option")] == [
        "monitor-1",
        "db-2",
    ]
    visitor.submit(PAGE, {"host": str(other.id)})
    assert visitor.text("#host option[selected]") == "db-2"
    assert "range=1h" in visitor.location


def test_services_that_are_not_checked_in_time_are_told_of(
    visitor: CheckedClient, host: Host
) -> None:
    with writing() as session:
        session.add(MonitoringCycle(id="a", host_id=host.id, created_at=NOW, services_late=7))
    visitor.get(PAGE)
    assert "7 services were not checked in time" in visitor.text("[role=alert]:not([hidden])")


def test_cycles_that_stay_out_are_told_of(visitor: CheckedClient, host: Host, clock: Clock) -> None:
    with writing() as session:
        session.add(MonitoringCycle(id="a", host_id=host.id, created_at=NOW))
    clock.advance(minutes=5)
    visitor.get(PAGE)
    assert "Is a worker running?" in visitor.text("[role=alert]:not([hidden])")


@pytest.mark.parametrize(
    ("code", "text"),
    [(200, "Recorded"), (220, "Blind"), (221, "not saved"), (500, "failed"), (None, "No answer")],
)
@pytest.mark.settings(heartbeat_url="http://127.0.0.1:9/relay")
def test_the_relay_is_told_of_in_words(
    visitor: CheckedClient, host: Host, code: int | None, text: str
) -> None:
    with writing() as session:
        cycle = MonitoringCycle(id="a", host_id=host.id, created_at=NOW, worker_status=code)
        session.add(cycle)
    visitor.get(f"{PAGE}?range=live")
    assert text in visitor.text(".system-facts")


def test_names_are_text_wherever_they_are(visitor: CheckedClient, user: User, host: Host) -> None:
    name = """</svg><script>alert(1)</script>'"&"""
    make_service(user, name=name, last_check_at=NOW)
    visitor.get(PAGE)
    assert not visitor.page.query("main script")
    assert name in visitor.text(".service-card")


@pytest.mark.parametrize("query", ["range=2h", "host=x", "host=99999", "service=x"])
def test_an_address_that_makes_no_sense_is_no_page(visitor: CheckedClient, query: str) -> None:
    assert visitor.get(f"{PAGE}?{query}").status_code == 404


@pytest.mark.usefixtures("user")
def test_strangers_are_led_to_the_login_and_programs_told(client: CheckedClient) -> None:
    assert client.get(PAGE).location.startswith("/login")
    answer = client.get(API)
    assert (answer.status_code, answer.json["ok"]) == (401, False)


def test_what_is_another_teams_is_not_there(visitor: CheckedClient, other_user: User) -> None:
    host, service = make_host(other_user), make_service(other_user)
    for query in (f"host={host.id}", f"service={service.id}"):
        assert visitor.get(f"{PAGE}?{query}").status_code == 404
        assert visitor.get(f"{API}?{query}").status_code == 404


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("name", RANGES)
def test_the_api_has_what_a_seed_004_dashboard_reads(visitor: CheckedClient, name: str) -> None:
    found = visitor.get(API, query_string={"range": name}).json
    assert isinstance(found["last_updated"], str)
    assert set(found["system"]) >= {"cpu", "ram", "disk", "containers", "uptime"}
    assert found["system"]["containers"] == "12 Containers"
    assert set(found["monitor"]) >= {"worker_status", "uptime", "distribution", "stats"}
    assert isinstance(found["monitor"]["uptime"][name], int | float)
    assert set(found["network"]) >= {"internet_status", "uptime", "uptime_counts", "stats"}
    for item in found["services"]:
        assert set(item) >= {"name", "service_type", "status", "status_code", "latency", "error"}
        assert set(item["stats"]) >= {"uptime", "success", "failure", "distribution", "jitter"}
    history = found["history"]
    assert set(history) >= {"times", "system", "cycle_duration", "ping", "services"}
    assert len(history["times"]) == len(history["services"]["API"]) == len(history["ping"])
    assert any(value is not None for value in history["services"]["Website"])


@both_databases
@pytest.mark.parametrize(
    "query", ["range=2h", "range=", "host=1.5", "service=%00", "range=" + "1" * 5_000]
)
def test_the_api_refuses_what_it_cannot_understand_in_a_sentence(
    visitor: CheckedClient, query: str
) -> None:
    answer = visitor.get(f"{API}?{query}")
    if query == "range=":
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json["ok"]) == (422, False)
    assert answer.json["error"].endswith(".")


@pytest.mark.usefixtures("history")
def test_the_page_asks_as_much_of_ten_services_as_of_three(
    visitor: CheckedClient, user: User
) -> None:
    def asked() -> int:
        statements: list[str] = []

        def note(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
            statements.append(text)

        sa.event.listen(db.engine, "before_cursor_execute", note)
        visitor.get(PAGE)
        sa.event.remove(db.engine, "before_cursor_execute", note)
        return len(statements)

    few = asked()
    for number in range(7):
        make_service(user, name=f"Shop {number}", last_check_at=NOW)
    assert asked() <= few
