"""A real Chromium: the machine's, else one that may be installed, else a reason to skip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.support.running import start_stack, telegram, webhook
from tests.support.servers import TestRun

__all__ = ["start_stack", "telegram", "webhook"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_TIMEOUT = 300
REQUIRED = os.environ.get("SENTINELWEB_REQUIRE_BROWSER") == "1"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """For a module, not the session: while it is there, nobody else can run an event loop."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, test_run: TestRun) -> str:
    """The path of a Chromium."""
    with test_run.locked("chromium") as directory:
        found = _find(playwright)
        if found is None and not (directory / "tried").exists():
            (directory / "tried").touch()
            _install()
            found = _find(playwright)
    if found is None:
        reason = "there is no Chromium on this machine, and none could be installed"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    return found


def _find(playwright: Playwright) -> str | None:
    own = playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, NAMES)), own if Path(own).exists() else None)


def _install() -> None:
    """By Playwright's own installer, else by the system's packages."""
    ways = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        ways[0].append("--with-deps")
        ways.append(["apt-get", "install", "--yes", "--quiet", "chromium"])
    for way in ways:
        try:
            if subprocess.run(way, capture_output=True, timeout=INSTALL_TIMEOUT).returncode == 0:
                return
        except (OSError, subprocess.TimeoutExpired):
            continue


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    # A container's /dev/shm is often too small for it.
    arguments = ["--disable-dev-shm-usage"]
    browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
    yield browser
    browser.close()


@dataclass
class Watched:
    """Pages of one visitor, and what a visitor would never see of them."""

    context: BrowserContext
    site: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("request", self._check_host)
        self.context.on("response", self._check_answer)
        self.context.on("console", self._check_message)
        self.context.on("weberror", lambda error: self.faults.append(str(error.error)))

    def _check_host(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and f"http://{address.netloc}" != self.site:
            self.faults.append(f"a request to {request.url}")

    def _check_answer(self, response: Any) -> None:
        """A page may be refused on purpose, such as a form with errors; its pieces may not."""
        if response.status >= 400 and not response.request.is_navigation_request():
            self.faults.append(f"{response.status} for {response.url}")

    def _check_message(self, message: Any) -> None:
        told_by_answer = message.text.startswith("Failed to load resource: the server responded")
        if message.type in {"error", "warning"} and not told_by_answer:
            self.faults.append(f"{message.type}: {message.text}")


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """`open_page(site, **options)`: a new visitor's page; its console must stay silent.

    So must the network: no request may go to another host.
    """
    with ExitStack() as contexts:
        watched: list[Watched] = []

        def open_page(site: str, **options: Any) -> Page:
            context = browser.new_context(base_url=site, locale="en-US", **options)
            contexts.callback(context.close)
            context.set_default_timeout(10_000)
            watched.append(Watched(context, site))
            return context.new_page()

        yield open_page
        assert [fault for each in watched for fault in each.faults] == []
