"""Every page there is: no axe violation by day or night, and no sideways scrolling on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page

from sentinelweb import clock, create_app
from sentinelweb.core.uids import time_ordered_uuid
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, MonitoringCycle, ServiceCheck, User
from sentinelweb.services import pings, rollups, status_pages
from sentinelweb.services.pings import Signal
from sentinelweb.services.status_pages import PageValues
from tests.browser.conftest import OpenPage
from tests.browser.steps import axe_source, violations
from tests.support import factories
from tests.support.databases import settings_for_tests
from tests.support.receiver import Receiver
from tests.support.running import EMAIL, PASSWORD
from tests.support.stack import Stack
from tests.support.visitor import Visitor

FOR_STRANGERS = ("/login", "/register", "/forgot-password", "/no/such/page")
# What answers no page, or ends the visit.
NO_PAGES = re.compile(r"^/(static|ping|logout|health|ready)\b|.*\.(csv|json)$")
MAX_PAGES = 150
# What scrolls by itself, or is cut off, makes no page wide.
WIDEST = """[...document.querySelectorAll("main *")].filter(element => {
  for (let box = element.parentElement; box; box = box.parentElement)
    if (getComputedStyle(box).overflowX !== "visible" && box !== document.body) return false;
  return true;
}).map(element =>
  [element.getBoundingClientRect().right, element.tagName, element.className, element.id]
).sort((a, b) => b[0] - a[0])[0]"""


@dataclass
class Site:
    """A SentinelWeb with something of everything, and the addresses of all its pages."""

    url: str
    cookies: list[dict[str, str]]
    pages: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    with Receiver() as receiver:
        stack = Stack(directory, admin_email=EMAIL, admin_password=PASSWORD)
        with stack:
            stack.becomes_ready()
            url = f"http://127.0.0.1:{stack.port}"
            with Visitor(url) as visitor:
                visitor.log_in(EMAIL, PASSWORD)
                _furnish(stack, receiver)
                receiver.wait_for(1)
                yield Site(url, visitor.cookies(), _crawl(visitor))


def _furnish(stack: Stack, receiver: Receiver) -> None:
    """Heartbeats of each status, channels that work and that do not, a second user.

    The one that is down comes first on the list, and has texts that do not wrap.
    """
    url = f"sqlite:///{stack.data_dir / 'sentinelweb.db'}"
    app = create_app(settings_for_tests(stack.data_dir, database_url=url))
    now = clock.now()
    with app.app_context():
        admin = db.session.scalars(sa.select(User)).one()
        factories.make_user("other@example.com")
        works = factories.make_channel(admin, settings={"url": receiver.url, "method": "POST"})
        refused = factories.make_channel(
            admin, "telegram", fault="Telegram: the chat has blocked the bot.", fault_at=now
        )
        channels = [works, refused]
        day = {"expected_period": 86_400, "grace_period": 864_000}
        factories.make_heartbeat(admin, name="New job", tags=["backup"], channels=channels)
        factories.make_heartbeat(admin, name="Paused job", status="paused", last_ping=now)
        factories.make_heartbeat(
            admin, name="Late job", status="late", last_ping=now - timedelta(days=2), **day
        )
        factories.make_heartbeat(
            admin,
            name="By cron",
            last_ping=now,
            cron_expression="0 3 * * 1-5",
            cron_timezone="America/Sao_Paulo",
        )
        factories.make_heartbeat(
            admin,
            name="Lost_job_" + "x" * 190,
            description="y" * 2_000,
            environment="z" * 50,
            tags=["t" * 50] * 3,
            status="down",
            last_ping=now - timedelta(days=20),
            missed_pings=1,
            channels=channels,
            **day,
        )
        found = factories.make_heartbeat(
            admin, name="Found job", status="down", last_ping=now, channels=channels, **day
        )
        pings.record([Signal(found.slug, now, "GET", "203.0.113.7", "curl/8.5.0")])
        _add_services(admin, channels, now)
        _add_status_page(admin)
        db.session.remove()
        db.engine.dispose()


def _add_services(admin: User, channels: list[Channel], now: datetime) -> None:
    """Services of each status and result, with results and sums, and hosts beside our own.

    None is due: what is shown must not change while it is looked at.
    """
    silent = factories.make_host(
        admin,
        name="host_" + "x" * 190,
        description="y" * 2_000,
        status="down",
        last_report_at=now - timedelta(hours=2),
        tags=["t" * 50] * 3,
        channels=channels,
    )
    factories.make_host(admin, name="web-2", last_report_at=now, key_hint="sw_abcde")
    later = {"next_check_at": now + timedelta(days=1)}
    long = "http://127.0.0.1:9/" + "z" * 1_900
    services = [
        factories.make_service(
            admin, **{"name": f"{kind} service", "last_check_at": now} | later | values
        )
        for kind, values in {
            "healthy": {"last_latency_ms": 12.3, "recent": "h" * 40},
            "down": {
                "status": "down",
                "last_result": "down",
                "last_error": "Connection refused",
                "name": "service_" + "x" * 190,
                "target": long,
                "recent": "hhetud" * 6,
                "tags": ["t" * 50] * 3,
                "environment": "z" * 50,
                "channels": channels,
            },
            "error": {"last_result": "error", "last_error": "HTTP 500", "last_status_code": 500},
            "timeout": {"last_result": "timeout", "last_error": "Timeout"},
            "unknown": {"last_result": "unknown", "last_error": "Docker not reachable"},
            "paused": {"status": "paused", "options": {"password": "secret", "keyword": "ok"}},
            "environment": {"from_environment": True},
            "certificate": {"certificate_expires_at": now + timedelta(days=3)},
            "agent": {"host_id": silent.id, "probe": "agent", "reported_as": "agent"},
        }.items()
    ]
    with writing() as session:
        for minutes, result in enumerate(["healthy", "down", "error", "timeout", "unknown"] * 60):
            at = now - timedelta(minutes=minutes)
            session.add_all(
                ServiceCheck(
                    service_id=service.id,
                    created_at=at,
                    status=result,
                    latency_ms=10 + minutes % 7 if result in {"healthy", "error"} else None,
                    error_message="" if result == "healthy" else "Connection refused",
                )
                for service in services[:2]
            )
            session.add(
                MonitoringCycle(
                    id=str(time_ordered_uuid(at, minutes)),
                    host_id=silent.id,
                    created_at=at - timedelta(hours=2),
                    cpu_percent=minutes % 100,
                    ram_percent=50,
                    disk_percent=60,
                    ping_ms=9,
                    internet_status=minutes % 9 != 0,
                    cycle_duration_ms=80,
                    services_late=minutes % 2,
                )
            )
    rollups.run()


def _add_status_page(admin: User) -> None:
    """One that shows all that can be shown of all monitors."""
    page = status_pages.create(
        admin,
        PageValues("page_" + "x" * 190, "x" * 80, "y" * 2_000, is_first=True),
        with_all_monitors=True,
    )
    with writing():
        for item in status_pages.items(page):
            item.section = f"Section {item.monitor_id % 3} " + "s" * 80
            item.shows_last_ping = item.shows_interval = item.shows_latency = True
            item.shows_tags = item.shows_alias = True


def _crawl(visitor: Visitor) -> list[str]:
    """The addresses of the pages that links lead to.

    Each heartbeat is visited, but of their forms, and of lists with a query, only one of each kind.
    """
    waiting, seen, pages = ["/"], set[str](), []
    while waiting and len(pages) < MAX_PAGES:
        address = waiting.pop(0)
        parts = urlsplit(address)
        kind = re.sub(r"/\d+/", "/N/", parts.path)
        if parts.query:
            kind = re.sub(r"\d+", "N", parts.path) + re.sub(r"=[^&]*", "", parts.query)
        if kind in seen or NO_PAGES.match(parts.path):
            continue
        seen.add(kind)
        response = visitor.get(address)
        assert response.ok, f"a link leads to {address}, which answers {response.status_code}"
        pages.append(address)
        assert visitor.page is not None
        for link in visitor.page.query("a[href]"):
            target = urljoin(visitor.site + visitor.location, link.attrs["href"] or "")
            if target.startswith(visitor.site):
                waiting.append(target.removeprefix(visitor.site).partition("#")[0])
    return pages


def visit_all(site: Site, open_page: OpenPage, **options: object) -> Iterator[tuple[str, Page]]:
    """Each page's address with the browser at it: a stranger's first, then the administrator's."""
    stranger = open_page(site.url, **options)
    for address in FOR_STRANGERS:
        stranger.goto(address)
        yield address, stranger
    person = open_page(site.url, **options)
    person.context.add_cookies(site.cookies)
    for address in [*site.pages, "/no/such/page"]:
        person.goto(address)
        yield address, person


def test_the_crawl_finds_the_pages(site: Site) -> None:
    pages = {re.sub(r"\d+", "1", page) for page in site.pages}
    expected = {
        "/",
        "/heartbeats",
        "/heartbeats/add",
        "/channels",
        "/channels/add",
        "/account",
        "/users",
    }
    expected |= {f"/heartbeats/1{page}" for page in ("", "/edit", "/delete", "/rotate")}
    expected |= {f"/channels/1{page}" for page in ("", "/edit", "/delete")}
    expected |= {"/", "/services", "/services/add", "/hosts", "/hosts/add", "/dashboard/system"}
    expected |= {f"/services/1{page}" for page in ("", "/edit", "/delete")}
    expected |= {f"/hosts/1{page}" for page in ("", "/edit", "/delete")}
    expected |= {"/status", "/status-pages", "/status-pages/add"}
    expected |= {f"/status-pages/1{page}" for page in ("", "/edit", "/delete")}
    expected |= {f"/channels/add/{kind}" for kind in ("telegram", "webhook")}
    assert expected <= pages
    assert len(site.pages) < MAX_PAGES


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 360)], ids=["light", "dark-on-a-phone"]
)
def test_axe_finds_nothing_on_any_page(
    scheme: str, width: int, site: Site, open_page: OpenPage
) -> None:
    axe = axe_source()
    found: dict[str, str] = {}  # each fault once, with the first address
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    for address, page in visit_all(site, open_page, reduced_motion="reduce", **options):
        for violation in violations(page, axe):
            for node in violation["nodes"]:
                fault = f"{violation['id']}: {node['html'][:200]}: {node['failureSummary']}"
                found.setdefault(fault, address)
    assert not found, "\n".join(f"{address}: {fault}" for fault, address in found.items())


def test_no_page_scrolls_sideways_on_a_phone(site: Site, open_page: OpenPage) -> None:
    viewport = {"width": 360, "height": 740}
    wide = []
    for address, page in visit_all(site, open_page, viewport=viewport, has_touch=True):
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            wide.append(f"{address} is {width} px wide, for example {page.evaluate(WIDEST)}")
    assert not wide, "\n".join(wide)


def test_dark_pages_are_dark(site: Site, open_page: OpenPage) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    shades = {}
    for scheme in ("light", "dark"):
        page = open_page(site.url, color_scheme=scheme)
        page.goto("/login")
        shades[scheme] = sum(map(float, re.findall(r"[\d.]+", page.evaluate(background))[:3]))
    assert shades["dark"] < 150 < 600 < shades["light"]


def test_a_chosen_theme_outranks_the_systems(site: Site, open_page: OpenPage) -> None:
    page = open_page(site.url, color_scheme="light")
    page.context.add_cookies(site.cookies)
    page.goto("/heartbeats")
    page.get_by_role("button", name="Account menu").click()
    with page.expect_response("**/preferences"):
        page.get_by_role("button", name="Dark").click()
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
