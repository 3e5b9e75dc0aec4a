"""What the services' form and list do better with scripts."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import log_in
from tests.support.running import StartStack

SOON = 30_000  # milliseconds: a test machine may be busy


def test_the_options_follow_the_address_and_the_list_what_is_searched(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack(ping_url="none")
    page = open_page(f"http://127.0.0.1:{stack.port}")
    log_in(page)

    page.goto("/services/add")
    address = page.get_by_label("Address", exact=True)
    address.fill(f"http://127.0.0.1:{stack.port}/health")
    page.locator("#options summary").click()
    page.get_by_label("Keyword", exact=True).fill("ok")
    address.fill(f"http://127.0.0.1:{stack.port}/ready")  # the same kind: nothing is lost
    page.get_by_label("Interval", exact=True).focus()
    expect(page.get_by_label("Keyword", exact=True)).to_have_value("ok")
    address.fill(f"tcp://127.0.0.1:{stack.port}")
    expect(page.locator(".kind-choice[aria-current]")).to_have_text(re.compile("TCP"), timeout=SOON)
    expect(page.get_by_label("Keyword", exact=True)).to_have_count(0)
    page.get_by_role("button", name="30s").click()
    expect(page.get_by_label("Interval", exact=True)).to_have_value("30s")
    page.get_by_role("button", name="Create service").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"127.0.0.1:{stack.port}")
    # It is checked before its first interval is over, and the page comes along.
    expect(page.locator("#status .badge").first).to_have_text("Up", timeout=SOON)
    expect(page.locator("#check")).to_be_empty(timeout=SOON)

    page.goto("/services")
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("Nothing matches")).to_be_visible(timeout=SOON)
    expect(page).to_have_url(re.compile(r"/services\?search=nothing"))
    page.get_by_role("link", name="Clear").click()
    menu = page.get_by_role("button", name=re.compile("^More for"))
    menu.click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".cell-status .badge")).to_have_text("Paused", timeout=SOON)
