"""Without Redis pings and pages go on; when it is back, with its data or empty, alerts go out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import requests

from tests.integration.things import add_heartbeat, add_webhook, became
from tests.support.patience import slowness
from tests.support.receiver import Receiver
from tests.support.running import StartStack, Visit
from tests.support.servers import RedisServer, TestRun
from tests.support.stack import wait_until
from tests.support.visitor import Visitor


@pytest.fixture(params=[True, False], ids=["keeps-its-data", "comes-back-empty"])
def redis(request: pytest.FixtureRequest, test_run: TestRun) -> Iterator[RedisServer]:
    name = f"redis-outage-{'kept' if request.param else 'lost'}"
    with test_run.locked(name) as directory:
        server = RedisServer(test_run, directory, keeps_data=request.param)
        server.start()
        yield server


def banner(visitor: Visitor) -> str:
    """The warnings above the list of heartbeats."""
    visitor.get("/heartbeats")
    return visitor.text(".banner")


def test_an_alert_that_fell_into_an_outage_of_redis_goes_out_when_it_is_back(
    redis: RedisServer, start_stack: StartStack, visit: Visit, webhook: Receiver
) -> None:
    stack = start_stack(redis_url=redis.url)
    visitor = visit(stack)
    add_webhook(visitor, webhook)
    url = add_heartbeat(visitor, expected_period="2s", grace_period="1s")
    assert requests.get(url, timeout=30).ok

    redis.kill()

    answer = requests.get(url, timeout=5)
    assert answer.json()["ok"] is True
    assert answer.elapsed.total_seconds() < 1 * slowness()
    assert became(visitor)[0] == "up"
    wait_until(lambda: "Redis" in banner(visitor), 10)
    assert "Nightly backup" in visitor.text("main")
    assert stack.get("/ready")[0] == 503
    time.sleep(4)
    assert webhook.calls == []

    redis.start()

    webhook.wait_for(1, seconds=20)
    assert webhook.calls[0].json["event"] == "down"
    assert requests.get(url, timeout=30).ok
    webhook.wait_for(2)
    assert [call.json["event"] for call in webhook.calls[:2]] == ["down", "up"]
    stack.becomes_ready()
    wait_until(lambda: banner(visitor) == "", 15)


def test_people_can_log_in_while_redis_is_away(
    redis: RedisServer, start_stack: StartStack, visit: Visit
) -> None:
    stack = start_stack(redis_url=redis.url)
    redis.kill()
    visitor = visit(stack)
    url = add_heartbeat(visitor, name="Made meanwhile")
    assert requests.get(url, timeout=30).ok


def test_a_file_that_was_sent_during_an_outage_of_redis_is_imported_when_it_is_back(
    redis: RedisServer, start_stack: StartStack, visit: Visit
) -> None:
    stack = start_stack(redis_url=redis.url)
    visitor = visit(stack)
    send_file(visitor, [{"name": "Nightly backup"}])
    wait_until(lambda: "Import this file?" in progress(visitor), 30)

    redis.kill()

    visitor.submit("confirm-form")
    assert "Being imported" in visitor.text("#run")
    wait_until(lambda: "No worker is running" in progress(visitor), 20)

    redis.start()

    wait_until(lambda: "Created: 1" in progress(visitor), 30)
    assert "Nightly backup" in visitor.get("/heartbeats").text


def send_file(visitor: Visitor, heartbeats: list[dict[str, str]]) -> None:
    head = {"format": "sentinelweb-team", "version": 1, "exported_at": "2026-01-01T00:00:00Z"}
    visitor.get("/transfers")
    document = json.dumps({**head, "heartbeats": heartbeats})
    visitor.submit("import-form", files={"file": ("team.json", document)})


def progress(visitor: Visitor) -> str:
    visitor.get(visitor.location)
    return visitor.text("#run")
