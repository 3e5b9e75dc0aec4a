"""Seed 003's demonstration, step by step, and a program that is killed: real processes and time."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import requests

from tests.integration.things import add_webhook
from tests.support.receiver import Receiver
from tests.support.running import StartStack
from tests.support.stack import ROOT, Stack, clean_environment, wait_until
from tests.support.visitor import Visitor

PATIENCE = 60


def call(stack: Stack, method: str, path: str) -> Any:
    answer = requests.request(method, f"http://127.0.0.1:{stack.port}{path}", timeout=30)
    answer.raise_for_status()
    return answer.json()


def active(stack: Stack) -> list[str]:
    return [item["processId"] for item in call(stack, "GET", "/heartbeat/active-status")]


def says(stack: Stack, text: str) -> int:
    """Wait until the log says `text` once more than now; return how often it had."""
    before = stack.output.count(text)
    wait_until(lambda: stack.output.count(text) > before, PATIENCE, f"{text!r} in the log")
    return before


def test_the_demonstration_of_the_seed(start_stack: StartStack) -> None:
    stack = start_stack(
        process_api="open",
        process_keepalive="server",
        process_expiry_seconds=6,
        process_monitor_interval_seconds=1,
        log_format="json",
    )
    says(stack, "no_active_processes")

    short = call(stack, "POST", "/process/short-lived")
    assert short["message"] == f"Short-lived process {short['processId']} created."
    says(stack, short["processId"])
    assert active(stack) == [short["processId"]]
    wait_until(lambda: not active(stack), PATIENCE, "the short-lived process expires")
    says(stack, "no_active_processes")
    [shown] = call(stack, "GET", "/heartbeat/status")
    assert (shown["processId"], shown["isAlive"]) == (short["processId"], False)
    assert (shown["keepAlive"], shown["status"]) == (False, "paused")

    long = call(stack, "POST", "/process/long-lived")
    before = call(stack, "GET", "/heartbeat/active-status")[0]["lastHeartbeat"]
    for _longer_than_its_expiry in range(8):
        says(stack, long["processId"])
        assert active(stack) == [long["processId"]]
    assert call(stack, "GET", "/heartbeat/active-status")[0]["lastHeartbeat"] > before

    call(stack, "DELETE", f"/heartbeat/{long['processId']}")
    assert active(stack) == []
    says(stack, "no_active_processes")


def test_a_program_that_is_killed_is_told_of_with_what_it_said_last(
    start_stack: StartStack, visit: Callable[[Stack], Visitor], webhook: Receiver
) -> None:
    stack = start_stack(process_monitor_interval_seconds=1)
    visitor = visit(stack)
    add_webhook(visitor, webhook)
    visitor.get("/api-keys")
    visitor.submit("api-key-form", {"name": "Programs", "access": "write"})
    assert visitor.page is not None
    key = visitor.page.query_one(".url-box [data-copy]").attrs["data-copy"]
    program = (
        "import time\n"
        "from sentinelweb.client import watched\n"
        "with watched('Import', expiry=3) as process:\n"
        "    process.tell(progress=40, message='Row 4,000')\n"
        "    time.sleep(600)\n"
    )
    url = f"http://127.0.0.1:{stack.port}"
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=stack.directory,
        env={
            **clean_environment(),
            "PYTHONPATH": str(ROOT),
            "SENTINELWEB_URL": url,
            "SENTINELWEB_KEY": key,
        },
    )
    try:

        def shown() -> Any:
            headers = {"Authorization": f"Bearer {key}"}
            found = requests.get(f"{url}/heartbeat/status", headers=headers, timeout=30).json()
            return found[0] if found else {}

        wait_until(lambda: shown().get("progress") == 40, PATIENCE, "its progress")
        wait_until(lambda: shown()["isAlive"], PATIENCE, "it beats")
        assert webhook.calls == []
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()

    wait_until(lambda: webhook.calls, PATIENCE, "the alert")
    [alert] = webhook.calls
    assert (alert.json["event"], alert.json["note"]) == ("down", "silent")
    assert (alert.json["progress"], alert.json["message"]) == (40, "Row 4,000")
    assert alert.json["monitor"]["name"] == "Import"
    visitor.get(alert.json["page_url"].partition(f":{stack.port}")[2] or "/processes")
    assert "Import" in visitor.text("main")
