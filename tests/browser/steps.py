"""What many stories in a browser begin or end with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import REQUIRED
from tests.support.running import EMAIL, PASSWORD

_AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def log_in(page: Page) -> None:
    """As the administrator of a stack."""
    page.goto("/login")
    page.get_by_label("E-mail", exact=True).fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).not_to_have_url(re.compile("/login"))


def axe_source() -> str:
    if not _AXE.exists():
        reason = "axe-core is not there: npm ci brings it"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    return _AXE.read_text()


def violations(page: Page, axe: str) -> list[dict[str, Any]]:
    """What keeps people with a screen reader or weak eyes from using the page."""
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate("axe.run()")["violations"]
    return found


def check_with_axe(page: Page) -> None:
    found = violations(page, axe_source())
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
