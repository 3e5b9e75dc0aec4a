"""The mock controller's page: it comes along by itself, keeps what is typed, and is accessible."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import check_with_axe
from tests.browser.test_pages import WIDEST
from tests.support.mock import Mock

SOON = 20_000


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    """With something of everything in it, and texts that do not wrap."""
    with Mock(targets=8) as mock:
        modes = ["healthy", "slow", "broken", "flapping", "hanging", "closed", "refused"]
        for name, mode in zip(mock.own_ports, modes, strict=False):
            mock.switch(name, mode=mode)
        body = {"services": {"s" * 200: {"status": "down"}}, "token": "x"}
        requests.post(f"{mock.url}/api/heartbeat", json=body, timeout=10)
        requests.post(f"{mock.url}/alerts", json={"title": "t" * 400}, timeout=10)
        requests.post(f"{mock.url}/alerts", data=b"no JSON", timeout=10)
        yield mock


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(scheme: str, mock: Mock, open_page: OpenPage) -> None:
    page = open_page(mock.url, color_scheme=scheme, reduced_motion="reduce")
    page.goto("/")
    for details in page.locator("details").all():
        details.evaluate("details => details.open = true")
    check_with_axe(page)


def test_it_does_not_scroll_sideways_on_a_phone(mock: Mock, open_page: OpenPage) -> None:
    page = open_page(mock.url, viewport={"width": 360, "height": 740}, has_touch=True)
    page.goto("/")
    for details in page.locator("details").all():
        details.evaluate("details => details.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.evaluate(WIDEST)


def test_it_shows_what_others_switch_and_keeps_what_is_typed(
    mock: Mock, open_page: OpenPage
) -> None:
    page = open_page(mock.url)
    page.goto("/")
    card = page.locator("#target-shop")
    card.locator("summary").click()
    card.get_by_label("Code when broken").fill("418")
    mock.switch("shop", mode="slow")
    expect(card.locator(".badge")).to_have_text("Slow", timeout=SOON)
    expect(card.get_by_label("Code when broken")).to_have_value("418")
    expect(card.locator("details")).to_have_attribute("open", "")

    card.get_by_role("button", name="Apply").click()
    card.get_by_role("button", name="Broken").click()
    expect(card).to_contain_text("Answers 418")
    assert requests.get(mock.target("shop"), timeout=10).status_code == 418
    expect(card).to_contain_text("(418)", timeout=SOON)


def test_logs_can_be_read_and_cleared_without_a_script(mock: Mock, open_page: OpenPage) -> None:
    page = open_page(mock.url, java_script_enabled=False)
    page.goto("/")
    receiver = page.get_by_role("region", name="Alerts received")
    receiver.locator("summary").first.click()
    expect(receiver.locator("details").first).to_contain_text("The body must be JSON.")
    receiver.get_by_role("button", name="Clear").click()
    expect(receiver).to_contain_text("No alert yet.")
