"""A status page as its maker and as a stranger see it, and what happens to it when a job fails."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from sentinelweb import create_app
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, User
from tests.browser.conftest import OpenPage
from tests.browser.steps import check_with_axe, log_in
from tests.support import factories
from tests.support.databases import settings_for_tests
from tests.support.running import StartStack
from tests.support.stack import Stack

SEEN_WITHIN = 10_000  # milliseconds
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


def furnish(stack: Stack) -> dict[str, str]:
    """Three jobs that are up; their ping addresses by name."""
    url = f"sqlite:///{stack.data_dir / 'sentinelweb.db'}"
    app = create_app(settings_for_tests(stack.data_dir, database_url=url))
    with app.app_context():
        admin = db.session.scalars(sa.select(User)).one()
        jobs: list[HeartbeatCheck] = [
            factories.make_heartbeat(
                admin, name=name, tags=["backup"], expected_period=86_400, grace_period=3_600
            )
            for name in ("Nightly backup", "Invoices", "Newsletter")
        ]
        paths = {job.name: f"http://127.0.0.1:{stack.port}/ping/{job.slug}" for job in jobs}
        db.session.remove()
        db.engine.dispose()
    for path in paths.values():
        assert requests.get(path, timeout=10).ok
    return paths


def make_page(page: Page) -> None:
    """One that shows two of the three jobs at `/status`."""
    page.goto("/status-pages/add")
    page.get_by_label("Title", exact=True).fill("Status of Example")
    page.get_by_role("button", name="Add status page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Status of Example")
    page.get_by_label("Nightly backup", exact=True).check()
    page.get_by_label("Invoices", exact=True).check()
    page.locator("#add-form").get_by_label(re.compile("^Section")).fill("Jobs")
    page.get_by_role("button", name="Add them").click()
    expect(page.locator(".page-item")).to_have_count(2)


@pytest.mark.parametrize(
    "stranger",
    [{}, {"java_script_enabled": False}, PHONE],
    ids=["with-scripts", "without-scripts", "on-a-phone"],
)
def test_a_stranger_sees_within_seconds_what_went_down(
    stranger: dict[str, Any], start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack()
    paths = furnish(stack)
    site = f"http://127.0.0.1:{stack.port}"
    maker = open_page(site, java_script_enabled=stranger.get("java_script_enabled", True))
    log_in(maker)
    make_page(maker)

    page = open_page(site, **stranger)
    page.goto("/status")
    sentence = page.locator("#sentence [role=status]")
    expect(sentence).to_have_text("Everything is up")
    expect(page.get_by_role("heading", level=2)).to_have_text(["Jobs", "Incidents"])
    expect(page.get_by_text("Newsletter")).to_have_count(0)
    assert page.context.cookies() == []
    scripts = stranger.get("java_script_enabled", True)
    if scripts:
        page.evaluate("window.notReloaded = true")

    assert requests.get(f"{paths['Invoices']}/fail", timeout=10).ok
    if not scripts:
        page.wait_for_timeout(4_000)
        page.reload()
    expect(sentence).to_have_text("1 of 2 is down", timeout=SEEN_WITHIN)
    row = page.locator(".public-monitor", has_text="Invoices")
    expect(row.locator(".badge")).to_have_text("Down")
    incident = page.locator(".incident", has_text="Invoices")
    expect(incident).to_contain_text("ongoing")
    if scripts:
        assert page.evaluate("window.notReloaded")
        assert page.title() == "(1) Status of Example"

    assert requests.get(paths["Invoices"], timeout=10).ok
    if not scripts:
        page.wait_for_timeout(4_000)
        page.reload()
    expect(sentence).to_have_text("Everything is up", timeout=SEEN_WITHIN)
    expect(incident).to_have_count(1)
    expect(incident).not_to_contain_text("ongoing")
    assert page.context.cookies() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_monitors_are_dragged_and_moved_by_keys(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack()
    furnish(stack)
    page = open_page(f"http://127.0.0.1:{stack.port}")
    log_in(page)
    make_page(page)
    names = page.locator(".page-item .page-item-name")
    expect(names).to_have_text(["Invoices", "Nightly backup"])
    second = page.get_by_role("button", name=re.compile("Move Nightly backup"))
    first = page.get_by_role("button", name=re.compile("Move Invoices"))
    second.scroll_into_view_if_needed()
    box, goal = second.bounding_box(), first.bounding_box()
    assert box
    assert goal
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(goal["x"] + 5, goal["y"] - 10, steps=8)
    page.mouse.up()
    expect(names).to_have_text(["Nightly backup", "Invoices"])

    page.locator("#items-form").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(names).to_have_text(["Nightly backup", "Invoices"])

    first.focus()
    page.keyboard.press("ArrowUp")
    expect(names).to_have_text(["Invoices", "Nightly backup"])
    expect(first).to_be_focused()
    check_with_axe(page)


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark", **PHONE}], ids=["light", "dark"])
def test_axe_finds_nothing(
    look: dict[str, Any], start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack()
    paths = furnish(stack)
    site = f"http://127.0.0.1:{stack.port}"
    page = open_page(site, reduced_motion="reduce", **look)
    page.goto("/status")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is published here yet")
    check_with_axe(page)
    log_in(page)
    make_page(page)
    for flag in page.get_by_label("Tags and environment").all():
        flag.check()
    page.locator("#items-form").get_by_role("button", name="Save").click()
    assert requests.get(f"{paths['Invoices']}/fail", timeout=10).ok
    for address in ("/status-pages", "/status-pages/1", "/status-pages/1/edit", "/status"):
        page.goto(address)
        check_with_axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
