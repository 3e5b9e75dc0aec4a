"""A service as a person sees it: added, broken, told, repaired, told again; and looked at now."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import log_in
from tests.support.mock import Mock
from tests.support.running import StartStack
from tests.support.stack import Stack, clean_environment, wait_until

# Small, so that the story is short; two failures, so that one alone is seen to bring nothing down.
QUICK = {"loop_interval_seconds": 1, "status_change_threshold": 2, "ping_url": "none"}
SOON = 30_000  # milliseconds: a test machine may be busy


@pytest.fixture
def mock() -> Iterator[Mock]:
    with Mock(targets=2) as mock:
        yield mock


def add_webhook(page: Page, mock: Mock) -> None:
    page.goto("/channels/add/webhook")
    page.get_by_label("URL", exact=True).fill(f"{mock.url}/alerts")
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhook")


def add_service(page: Page, name: str, target: str, interval: str = "5s") -> None:
    page.goto("/services/add")
    page.get_by_label("Address", exact=True).fill(target)
    page.get_by_label("Interval", exact=True).fill(interval)
    page.get_by_label(re.compile("^Name ")).fill(name)
    page.get_by_role("button", name="Create service").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def press(controller: Page, target: str, mode: str) -> None:
    """A button of the mock controller's page."""
    group = controller.get_by_role("form", name=f"Behaviour of {target}")
    button = group.get_by_role("button", name=mode)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def show(page: Page, selector: str, text: str | re.Pattern[str], *, scripts: bool) -> None:
    """Wait until the page says so: by itself, or by being reloaded where there are no scripts."""
    place = page.locator(selector).first
    if scripts:
        expect(place).to_contain_text(text, timeout=SOON)
        return
    for _ in range(SOON // 500):
        said = place.inner_text() if place.count() else ""
        if re.search(text, said):
            return
        page.wait_for_timeout(500)
        page.reload()
    expect(place).to_contain_text(text)


def alerts(mock: Mock, count: int) -> list[dict[str, Any]]:
    """What the receiver of alerts got, the oldest first, once there are `count`."""
    wait_until(lambda: len(mock.received("alerts")) >= count, 30, f"{count} alerts")
    return mock.received("alerts")[::-1]


@pytest.mark.parametrize(
    "visitor",
    [
        {"java_script_enabled": True},
        {"java_script_enabled": False},
        {"java_script_enabled": True, "viewport": {"width": 360, "height": 740}, "has_touch": True},
    ],
    ids=["with-scripts", "without-scripts", "on-a-phone"],
)
def test_a_service_is_broken_announced_repaired_and_announced(
    visitor: dict[str, Any], start_stack: StartStack, open_page: OpenPage, mock: Mock
) -> None:
    stack = start_stack(**QUICK)
    scripts = visitor["java_script_enabled"]
    page = open_page(f"http://127.0.0.1:{stack.port}", **visitor)
    log_in(page)
    add_webhook(page, mock)
    add_service(page, "Shop", mock.target("shop"))
    badge, results = "#status .badge", "#status .recent figcaption"
    show(page, badge, "Up", scripts=scripts)
    if scripts:
        page.evaluate("window.notReloaded = true")

    controller = open_page(mock.url, **visitor)
    controller.goto("/")
    press(controller, "shop", "Broken")
    show(page, badge, "Down", scripts=scripts)
    show(page, results, re.compile(r"[2-9] error"), scripts=scripts)
    show(page, "#status", "500", scripts=scripts)
    [down] = alerts(mock, 1)
    assert down["summary"] == "down: Shop: HTTP 500"
    show(controller, "#receiver-alerts .received-what", "Shop", scripts=scripts)

    press(controller, "shop", "Healthy")
    show(page, badge, "Up", scripts=scripts)
    _down, up = alerts(mock, 2)
    assert re.search(r"\d ms\b", up["body"]), "the latency"
    show(page, ".timeline-card", "HTTP 500", scripts=scripts)
    if scripts:
        assert page.evaluate("window.notReloaded") is True
    assert len(mock.received("alerts")) == 2


def test_the_list_and_the_home_page_come_along_by_themselves(
    start_stack: StartStack, open_page: OpenPage, mock: Mock
) -> None:
    stack = start_stack(**QUICK)
    site = f"http://127.0.0.1:{stack.port}"
    page = open_page(site)
    log_in(page)
    add_service(page, "Shop", mock.target("shop"))
    add_service(page, "Mail port", mock.own_url("api").replace("http", "tcp").rstrip("/"))
    page.goto("/services")
    home = page.context.new_page()
    home.goto("/")
    for each in (page, home):
        each.evaluate("window.notReloaded = true")
    for name in ("Shop", "Mail port"):
        row = page.get_by_role("row").filter(has_text=name)
        expect(row.locator(".badge")).to_have_text("Up", timeout=SOON)

    mock.switch("api", mode="refused")
    row = page.get_by_role("row").filter(has_text="Mail port")
    expect(row.locator(".badge")).to_have_text("Down", timeout=SOON)
    expect(row).to_contain_text("Connection refused")
    home.bring_to_front()
    expect(home.get_by_role("main")).to_contain_text("1 down", timeout=SOON)
    expect(home.get_by_role("main")).to_contain_text("Connection refused")

    mock.switch("api", mode="healthy")
    expect(home.get_by_role("main")).not_to_contain_text("1 down", timeout=SOON)
    page.bring_to_front()
    expect(row.locator(".badge")).to_have_text("Up", timeout=SOON)
    for each in (page, home):
        assert each.evaluate("window.notReloaded") is True


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_service_is_looked_at_now_and_the_progress_is_shown(
    scripts: bool, start_stack: StartStack, open_page: OpenPage, mock: Mock
) -> None:
    stack = start_stack(**QUICK)
    page = open_page(f"http://127.0.0.1:{stack.port}", java_script_enabled=scripts)
    log_in(page)
    add_service(page, "Shop", mock.target("shop"), "1h")
    show(page, "#status .badge", "Up", scripts=scripts)
    mock.switch("shop", mode="slow", delay_ms=1_200)
    calls = mock.state()["targets"]["shop"]["calls"]
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#check")).to_contain_text("It is being checked")
    if scripts:
        expect(page.locator("#check")).to_be_empty(timeout=SOON)
    else:
        wait_until(lambda: mock.state()["targets"]["shop"]["calls"] > calls, 30, "a look")
        page.wait_for_timeout(2_500)
        page.get_by_role("link", name="Show the result").click()
    show(page, "#status .counters", re.compile(r"1\.\d s"), scripts=scripts)
    show(page, ".result-table", "on request", scripts=scripts)


def test_a_service_of_the_environment_is_shown_and_cannot_be_edited(
    start_stack: StartStack, open_page: OpenPage, mock: Mock
) -> None:
    stack = start_stack(
        **QUICK,
        service_names="website",
        service_url_website=mock.target("shop"),
    )
    page = open_page(f"http://127.0.0.1:{stack.port}")
    log_in(page)
    page.goto("/services")
    row = page.get_by_role("row").filter(has_text="website")
    expect(row).to_contain_text("environment")
    expect(row.locator(".badge")).to_have_text("Up", timeout=SOON)
    row.get_by_role("link", name="website", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("website")
    expect(page.get_by_role("link", name="Channels", exact=True).last).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Edit", exact=True)).to_have_count(0)


@contextmanager
def running_agent(stack: Stack, key: str, directory: Path, **services: str) -> Iterator[None]:
    """`sentinelweb agent` as it runs on another machine: it knows the address and the key."""
    environment = {
        "HEARTBEAT_URL": f"http://127.0.0.1:{stack.port}/api/heartbeat",
        "HEARTBEAT_SECRET_KEY": key,
        "LOOP_INTERVAL_SECONDS": "1",
        "PING_URL": "none",
        "DATA_DIR": str(directory),
        **{f"SERVICE_URL_{name}": target for name, target in services.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sentinelweb", "agent"],
        cwd=directory,
        env=clean_environment() | environment,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_host_reports_falls_silent_and_is_back(
    start_stack: StartStack, open_page: OpenPage, mock: Mock, tmp_path: Path
) -> None:
    stack = start_stack(**QUICK)
    page = open_page(f"http://127.0.0.1:{stack.port}")
    log_in(page)
    add_webhook(page, mock)
    page.goto("/hosts/add")
    page.get_by_label("Name", exact=True).fill("web-2")
    page.get_by_label(re.compile("^Silent")).fill("10s")
    page.get_by_role("button", name="Create host").click()
    key = page.locator(".key-box code").inner_text()
    page.goto("/hosts")
    page.get_by_role("link", name="web-2", exact=True).click()
    expect(page.locator("#status .badge")).to_have_text("New")
    page.evaluate("window.notReloaded = true")

    agent_directory = tmp_path / "agent"
    agent_directory.mkdir()
    with running_agent(stack, key, agent_directory, shop=mock.target("shop")):
        expect(page.locator("#status .badge")).to_have_text("Up", timeout=SOON)
        service = page.get_by_role("row").filter(has_text="shop")
        expect(service).to_contain_text("Healthy", timeout=SOON)
        mock.switch("shop", mode="broken", status=503)
        expect(service).to_contain_text("HTTP 503", timeout=SOON)
        [down] = alerts(mock, 1)
        assert down["summary"] == "down: shop: HTTP 503"
        mock.switch("shop", mode="healthy")
        alerts(mock, 2)
    expect(page.locator("#status .badge")).to_have_text("Down", timeout=2 * SOON)
    assert alerts(mock, 3)[2]["summary"] == "down: web-2: silent"
    with running_agent(stack, key, agent_directory, shop=mock.target("shop")):
        expect(page.locator("#status .badge")).to_have_text("Up", timeout=SOON)
        assert "web-2" in alerts(mock, 4)[3]["summary"]
    assert page.evaluate("window.notReloaded") is True
