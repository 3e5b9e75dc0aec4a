"""Ten thousand monitors out and in, as a person does it, and a worker that is killed meanwhile."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import log_in
from tests.support.running import StartStack
from tests.support.stack import Stack

MONITORS = 10_000
# Each step takes some seconds on an idle machine; this is for one that does much else.
WITHIN = 180.0


def document(count: int) -> bytes:
    history = [
        {"previous": "new", "new": "up", "note": "pinged", "at": "2026-01-01T00:00:00Z"},
        {"previous": "up", "new": "down", "note": "missed", "at": "2026-01-02T00:00:00Z"},
    ]
    heartbeats = [
        {"slug": f"job-{number:08}", "name": f"Job {number}", "status": "down", "history": history}
        for number in range(count)
    ]
    head = {"format": "sentinelweb-team", "version": 1, "exported_at": "2026-01-03T00:00:00Z"}
    return json.dumps({**head, "heartbeats": heartbeats}).encode()


def send(page: Page, content: bytes) -> None:
    """Send a file, and wait until it is looked at."""
    page.goto("/transfers")
    file = {"name": "team.json", "mimeType": "application/json", "buffer": content}
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Look at it").click()
    expect(heading(page, "Import this file?")).to_be_visible(timeout=WITHIN * 1_000)


def heading(page: Page, text: str) -> Locator:
    return page.get_by_role("heading", name=text, exact=True)


def download(page: Page, path: Path) -> dict[str, Any]:
    page.goto("/transfers")
    page.get_by_label("With secrets").check()
    page.get_by_label("With every change of status").check()
    with page.expect_download(timeout=WITHIN * 1_000) as started:
        page.get_by_role("button", name="Download").click()
    started.value.save_as(path)
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_ten_thousand_monitors_are_imported_exported_and_known_again(
    start_stack: StartStack, open_page: OpenPage, tmp_path: Path
) -> None:
    stack = start_stack()
    page = open_page(f"http://127.0.0.1:{stack.port}", accept_downloads=True)
    log_in(page)
    began_at = time.monotonic()
    content = document(MONITORS)
    send(page, content)
    expect(page.locator("#run")).to_contain_text("Created: 10,000")

    page.locator("#confirm-form").get_by_role("button").click()
    expect(heading(page, "Being imported")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    # How far it is changes without anybody reloading the page.
    expect(page.locator("#run-text")).to_have_text(re.compile("of 10,001 entries"), timeout=60_000)
    expect(heading(page, "Imported")).to_be_visible(timeout=WITHIN * 1_000)
    assert page.evaluate("window.notReloaded") is True
    expect(page.locator("#run")).to_contain_text("Created: 10,000")

    path = tmp_path / "export.json"
    exported = download(page, path)
    assert len(exported["heartbeats"]) == MONITORS
    assert all(len(entry["history"]) >= 2 for entry in exported["heartbeats"])
    send(page, path.read_bytes())
    expect(page.locator("#run")).to_contain_text("There already: 10,000")
    expect(page.locator("#run")).to_contain_text("Created: 0")
    assert time.monotonic() - began_at < 3 * WITHIN


def test_without_a_script_a_person_reloads(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = start_stack()
    page = open_page(f"http://127.0.0.1:{stack.port}", java_script_enabled=False)
    log_in(page)
    page.goto("/transfers")
    content = document(5)
    file = {"name": "team.json", "mimeType": "application/json", "buffer": content}
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Look at it").click()
    reload_until(page, "Import this file?")
    page.locator("#confirm-form").get_by_role("button").click()
    reload_until(page, "Imported")
    expect(page.locator("#run")).to_contain_text("Created: 5")


def reload_until(page: Page, text: str) -> None:
    until = time.monotonic() + 60
    while not heading(page, text).is_visible():
        assert time.monotonic() < until, page.locator("#run").inner_text()
        page.wait_for_timeout(200)
        page.reload()


def test_a_worker_that_is_killed_half_way_is_followed_by_one_that_goes_on(
    start_stack: StartStack, open_page: OpenPage, tmp_path: Path
) -> None:
    stack = start_stack()
    page = open_page(f"http://127.0.0.1:{stack.port}", accept_downloads=True)
    log_in(page)
    send(page, document(MONITORS))
    page.locator("#confirm-form").get_by_role("button").click()
    expect(page.locator("#run-text")).to_have_text(
        re.compile(r"^[1-9],?\d* of 10,001 entries"), timeout=60_000
    )
    kill_workers(stack)
    expect(heading(page, "Imported")).to_be_visible(timeout=WITHIN * 1_000)
    expect(page.locator("#run")).to_contain_text("It was taken up again")
    expect(page.locator("#run")).to_contain_text("Created: 10,000")
    assert len(download(page, tmp_path / "export.json")["heartbeats"]) == MONITORS


def kill_workers(stack: Stack) -> None:
    """With kill -9; whoever imports for the worker ends with it."""
    stack.process_of("flask", "worker").kill()
