"""The main job, end to end: a missed heartbeat becomes an alert, and a ping ends it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.things import add_heartbeat, add_telegram, add_webhook, became, status
from tests.support.patience import slowness
from tests.support.receiver import Receiver
from tests.support.running import StartStack, Visit
from tests.support.stack import wait_until


def events(receiver: Receiver) -> list[str]:
    return [call.json["event"] for call in receiver.calls]


def ping(command: str, url: str) -> None:
    answer = subprocess.run([*command.split(), url], check=True, capture_output=True, timeout=20)
    assert json.loads(answer.stdout).items() >= {"ok": True, "name": "Backup Diário"}.items()


@pytest.mark.parametrize(
    ("command", "other_command"), [("curl -fsS", "wget -qO-"), ("wget -qO-", "curl -fsS")]
)
def test_a_missed_ping_is_told_once_and_the_next_ping_ends_it(
    command: str,
    other_command: str,
    database_url: str,
    start_stack: StartStack,
    visit: Visit,
    telegram: Receiver,
    webhook: Receiver,
) -> None:
    for program in ("curl", "wget"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on this machine")
    visitor = visit(start_stack(database_url=database_url))
    add_telegram(visitor)
    add_webhook(visitor, webhook)
    url = add_heartbeat(visitor, name="Backup Diário", expected_period="2s", grace_period="1s")
    assert status(visitor) == "new"

    ping(command, url)
    assert became(visitor)[0] == "up"  # and late by now, where the machine is slow
    wait_until(lambda: status(visitor) == "down", 30)
    assert became(visitor) in (["up", "late", "down"], ["up", "down"])
    telegram.wait_for(1)
    webhook.wait_for(1)
    time.sleep(3)  # long enough for a second alert, if there were one

    [message] = telegram.calls
    assert message.path == "/bot123456789:AAF-abc/sendMessage"
    assert message.json["chat_id"] == "42"
    for fact in ("Backup Diário", "2s", urlsplit(url).path):
        assert fact in message.json["text"]
    assert events(webhook) == ["down"]

    changes = len(became(visitor))
    ping(other_command, url)
    assert became(visitor)[changes] == "up"
    telegram.wait_for(2)
    webhook.wait_for(2)
    assert events(webhook)[:2] == ["down", "up"]
    assert "Backup Diário" in telegram.calls[1].json["text"]


def test_any_number_of_schedulers_and_workers_tell_it_once(
    database_url: str,
    start_stack: StartStack,
    visit: Visit,
    webhook: Receiver,
) -> None:
    stack = start_stack(
        "release: flask release\nweb: gunicorn wsgi:app\n"
        "worker: flask worker\nworker-2: flask worker\n"
        "scheduler: flask scheduler\nscheduler-2: flask scheduler\n",
        database_url=database_url,
        worker_processes=3,
        worker_interval_sec=1,
    )
    visitor = visit(stack)
    add_webhook(visitor, webhook)
    urls = [
        add_heartbeat(visitor, name=f"Job {n}", expected_period="1s", grace_period="0")
        for n in range(10)
    ]
    for url in urls:
        assert requests.get(url, timeout=30).ok

    webhook.wait_for(10)
    time.sleep(4)

    assert events(webhook) == ["down"] * 10
    assert len({call.json["monitor"]["name"] for call in webhook.calls}) == 10


def test_at_default_settings_the_alert_comes_within_two_seconds_of_the_deadline(
    start_stack: StartStack, visit: Visit, webhook: Receiver
) -> None:
    visitor = visit(start_stack())
    # Ten channels, so that none of them gets so many alerts that they come as a digest.
    channels = [add_webhook(visitor, webhook) for _ in range(10)]
    urls = [
        add_heartbeat(
            visitor,
            name=f"Job {n}",
            expected_period="10s",
            grace_period="5s",
            channels=[channels[n % 10]],
        )
        for n in range(100)
    ]
    due_at: dict[str, float] = {}
    for n, url in enumerate(urls):
        assert requests.get(url, timeout=30).ok
        due_at[f"Job {n}"] = time.monotonic() + 15
        time.sleep(0.05)

    calls = webhook.wait_for(100, seconds=40)

    delays = sorted(call.at - due_at[call.json["monitor"]["name"]] for call in calls)
    assert delays[0] > -0.1
    assert delays[98] < 2 * slowness(), f"the slowest: {delays[-5:]}"
