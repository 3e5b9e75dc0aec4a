"""The whole story, as a person sees it: set up, add, ping, missed, told, recovered."""

from __future__ import annotations

import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.support.receiver import Receiver
from tests.support.running import EMAIL, PASSWORD, StartStack


def set_up(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url("/setup")
    page.get_by_label("E-mail", exact=True).fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page).to_have_url("/")


def add_webhook(page: Page, receiver: Receiver) -> None:
    page.goto("/channels/add/webhook")
    page.get_by_label("URL", exact=True).fill(f"{receiver.url}/hook")
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhook")


def add_telegram(page: Page) -> None:
    page.goto("/channels/add/telegram")
    page.get_by_label("Bot token", exact=True).fill("123456789:AAF-abc")
    page.get_by_label("Chat id", exact=True).fill("42")
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Telegram")


def add_heartbeat(page: Page, name: str, period: str, grace: str) -> None:
    page.goto("/heartbeats/add")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Period", exact=True).fill(period)
    page.get_by_label("Grace", exact=True).fill(grace)
    page.get_by_role("button", name="Create heartbeat").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def ping_url(page: Page) -> str:
    return page.locator(".url-box code").inner_text()


def curl(url: str) -> int:
    """The status of the answer."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)


def expect_status(page: Page, status: str) -> None:
    """The badge says so, soon, without anybody reloading the page."""
    expect(page.locator("#status .badge")).to_have_text(status, timeout=12_000)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_job_is_watched_missed_announced_and_back(
    scripts: bool,
    start_stack: StartStack,
    open_page: OpenPage,
    telegram: Receiver,
    webhook: Receiver,
) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}", java_script_enabled=scripts)

    def look() -> None:
        """Without scripts a person reloads; with them the page must come along by itself."""
        if not scripts:
            page.reload()

    set_up(page)
    add_webhook(page, webhook)
    add_telegram(page)
    add_heartbeat(page, "Nightly backup", "4s", "4s")  # each status outlasts a poll of 3 s
    url = ping_url(page)
    expect_status(page, "New")
    if scripts:
        page.evaluate("window.notReloaded = true")

    assert curl(url) == 200
    look()
    expect_status(page, "Up")
    _wait(page, scripts, "Late")
    _wait(page, scripts, "Down")
    telegram.wait_for(1)
    [call] = webhook.wait_for(1)
    assert call.json["event"] == "down"
    assert call.json["monitor"]["name"] == "Nightly backup"
    if scripts:
        expect(page).to_have_title("(Down) Nightly backup – SentinelWeb")

    assert curl(url) == 200
    look()
    expect_status(page, "Up")
    webhook.wait_for(2)
    assert [call.json["event"] for call in webhook.calls[:2]] == ["down", "up"]
    assert len(telegram.wait_for(2)) == 2
    if scripts:
        assert page.evaluate("window.notReloaded") is True

    page.goto("/channels")
    page.get_by_role("link", name="Webhook", exact=True).click()
    expect(page.locator(".delivery .badge").first).to_have_text("Delivered")


def _wait(page: Page, scripts: bool, status: str) -> None:
    if scripts:
        expect_status(page, status)
        return
    for _ in range(40):
        if page.locator("#status .badge").inner_text() == status:
            return
        page.wait_for_timeout(300)
        page.reload()
    expect_status(page, status)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_heartbeat_is_tested_paused_edited_rotated_and_deleted(
    scripts: bool, start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}", java_script_enabled=scripts)
    set_up(page)
    add_heartbeat(page, "Nightly backup", "1d", "1h")
    old_url = ping_url(page)

    page.get_by_role("button", name="Test ping").click()
    expect_status(page, "Up")

    _choose(page, "button", "Pause")
    expect_status(page, "Paused")
    assert curl(old_url) == 200
    _choose(page, "button", "Resume")
    expect_status(page, "Up")

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Weekly backup")
    page.get_by_label("Period", exact=True).fill("2h")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Weekly backup")
    expect(page.locator(".facts").first).to_contain_text("every 2h")

    _choose(page, "link", "New ping URL")
    page.get_by_role("button", name="Make a new URL").click()
    assert ping_url(page) != old_url
    assert curl(old_url) == 404
    assert curl(ping_url(page)) == 200

    _choose(page, "link", "Delete")
    page.get_by_role("link", name="Cancel").click()
    _choose(page, "link", "Delete")
    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_url("/heartbeats")
    expect(page.get_by_role("status")).to_contain_text("Weekly backup")
    expect(page.get_by_role("heading", name="Watch your first job")).to_be_visible()


def _choose(page: Page, role: str, name: str) -> None:
    """Something of the page's menu, which opens without a script too."""
    page.get_by_role("button", name="More").click()
    page.locator(".menu:popover-open").get_by_role(role, name=name).click()


def test_the_list_comes_along_by_itself_and_can_be_searched(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}")
    set_up(page)
    for name in ("Nightly backup", "Invoice run"):
        add_heartbeat(page, name, "1d", "1h")
    url = ping_url(page)
    page.goto("/heartbeats")
    page.evaluate("window.notReloaded = true")
    row = page.get_by_role("row").filter(has_text="Invoice run")
    expect(row.locator(".badge")).to_have_text("New")

    assert curl(url) == 200
    expect(row.locator(".badge")).to_have_text("Up", timeout=8_000)
    expect(page.get_by_role("link", name="Up", exact=False).first).to_contain_text("1")

    page.get_by_role("searchbox").fill("invoice")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("searchbox").fill("no such job")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    assert page.evaluate("window.notReloaded") is True


def test_what_is_wrong_with_a_form_is_said_beside_its_field(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}")
    set_up(page)
    page.goto("/heartbeats/add")
    page.get_by_label("Period", exact=True).fill("soon")
    page.get_by_role("button", name="Create heartbeat").click()
    name, period = page.get_by_label("Name", exact=True), page.get_by_label("Period", exact=True)
    expect(name).to_have_accessible_description("Give it a name.")
    expect(period).to_have_value("soon")
    expect(period).to_have_attribute("aria-invalid", "true")
