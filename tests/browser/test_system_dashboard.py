"""The system dashboard in a browser: it lives, it can be stopped, and it needs no script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.support.running import EMAIL, PASSWORD, StartStack
from tests.support.visitor import Visitor

PATIENCE = 60_000  # ms: a machine may be busy
CYCLE = 1

Site = tuple[str, list[dict[str, str]]]


@pytest.fixture
def site(start_stack: StartStack) -> Site:
    """A SentinelWeb that looks at itself every second, and somebody who is logged in."""
    stack = start_stack(loop_interval_seconds=CYCLE, ping_url="none")
    with Visitor(f"http://127.0.0.1:{stack.port}") as visitor:
        visitor.log_in(EMAIL, PASSWORD)
        return visitor.site, visitor.cookies()


def opened(open_page: OpenPage, site: Site, address: str, **options: object) -> Page:
    page = open_page(site[0], **options)
    page.context.add_cookies(site[1])
    page.goto(address)
    return page


def last_update(page: Page) -> str:
    return str(page.locator(".system-facts time").first.get_attribute("datetime"))


def test_figures_change_without_a_reload_until_the_reader_stops_them(
    open_page: OpenPage, site: Site
) -> None:
    page = opened(open_page, site, "/dashboard/system?range=live")
    expect(page.locator(".gauge strong").first).to_have_text(re.compile(r"%"), timeout=PATIENCE)
    page.evaluate("window.notReloaded = true")
    expect(page.locator("#plot-cpu canvas")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#chart-cpu .chart-image")).to_be_hidden()
    drawn = page.locator("#plot-cpu canvas").evaluate("canvas => canvas.toDataURL()")

    before = last_update(page)
    updated = page.locator(".system-facts time").first
    expect(updated).not_to_have_attribute("datetime", before, timeout=PATIENCE)
    page.wait_for_function(
        "drawn => document.querySelector('#plot-cpu canvas').toDataURL() !== drawn",
        arg=drawn,
        timeout=PATIENCE,
    )
    table = page.locator("#table-cpu")
    table.locator("summary").click()
    expect(table.locator("tbody tr").first).to_be_visible()
    before = last_update(page)
    expect(updated).not_to_have_attribute("datetime", before, timeout=PATIENCE)
    expect(table.locator("tbody tr").first).to_be_visible()

    state = page.get_by_role("button", name="Live")
    state.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#refresh-state")).to_have_text("Paused")
    page.wait_for_timeout(3_000)  # a request that was on its way
    before = last_update(page)
    page.wait_for_timeout(5_000)
    assert last_update(page) == before
    page.locator("#refresh-state").click()
    expect(page.locator("#refresh-state")).to_have_text("Live")
    expect(updated).not_to_have_attribute("datetime", before, timeout=PATIENCE)
    assert page.evaluate("window.notReloaded") is True


def test_ranges_are_links_and_charts_follow_the_theme(open_page: OpenPage, site: Site) -> None:
    page = opened(open_page, site, "/dashboard/system", color_scheme="light")
    expect(page.locator("#plot-cpu canvas")).to_be_visible(timeout=PATIENCE)
    light = page.locator("#plot-cpu canvas").evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "drawn => document.querySelector('#plot-cpu canvas').toDataURL() !== drawn", arg=light
    )
    page.get_by_role("link", name="7d").click()
    expect(page.locator('.ranges [aria-current="true"]')).to_have_text("7d")
    expect(page.locator("#plot-cpu canvas")).to_be_visible()


def test_without_a_script_images_and_tables_tell_the_same(open_page: OpenPage, site: Site) -> None:
    page = opened(open_page, site, "/dashboard/system?range=live", java_script_enabled=False)
    for _ in range(60):
        if page.locator("#chart-cpu .chart-line").count():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    expect(page.locator("#chart-cpu .chart-image")).to_be_visible()
    expect(page.locator("#refresh-state")).to_be_hidden()
    page.locator("#table-cpu summary").click()
    expect(page.locator("#table-cpu tbody")).to_contain_text("%")
