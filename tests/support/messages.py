"""Messages as services/delivery.py would make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinelweb.notifiers.base import Message

SITE = "https://sentinelweb.example.com"
UID = "5b1c5a5e-0d6c-4b3a-9d9e-0123456789ab"

FACTS: dict[str, Any] = {
    "kind": "heartbeat",
    "id": 7,
    "slug": "a1b2c3d4",
    "name": "Nightly backup",
    "description": "Full backup at 3 o'clock",
    "previous": "late",
    "status": "down",
    "note": "missed",
    "occurred_at": "2026-01-08T08:00:00+00:00",
    "expected_period": 86_400,
    "grace_period": 3_600,
    "cron_expression": None,
    "cron_timezone": None,
    "last_ping": "2026-01-07T06:00:00+00:00",
    "late_by": 7_200,
    "down_for": None,
}


SERVICE_FACTS: dict[str, Any] = {
    "kind": "service",
    "id": 8,
    "slug": "b2c3d4e5",
    "name": "Shop",
    "description": "What customers see",
    "previous": "up",
    "status": "down",
    "note": "HTTP 500",
    "occurred_at": "2026-01-08T08:00:00+00:00",
    "target": "https://shop.example.com/health",
    "result": "error",
    "latency_ms": 12.5,
    "status_code": 500,
    "failures": 4,
    "down_for": None,
}
HOST_FACTS: dict[str, Any] = {
    "kind": "host",
    "id": 9,
    "slug": "c3d4e5f6",
    "name": "web-1",
    "description": "The machine in the cellar",
    "previous": "up",
    "status": "down",
    "note": "silent",
    "occurred_at": "2026-01-08T08:00:00+00:00",
    "last_report": "2026-01-08T07:58:00+00:00",
    "silent_for": 120,
    "down_for": None,
}
RELAY_FACTS: dict[str, Any] = {
    name: HOST_FACTS[name] for name in ("kind", "id", "slug", "name", "description", "occurred_at")
} | {"previous_code": 200, "code": 220, "note": "relay"}


def make_message(event: str = "down", *, of: Mapping[str, Any] = FACTS, **facts: Any) -> Message:
    """A message about the heartbeat, or what the facts `of` are about; `facts` change some."""
    match event:
        case "up":
            facts = {"previous": "down", "status": "up", "down_for": 7_500, **facts}
        case "flapping":
            facts = {"changes": 7, "window": 900, **facts}
        case "calm":
            facts = {"previous": "down", "status": "up", **facts}
        case "test":
            facts = {"channel": "Team chat", "occurred_at": FACTS["occurred_at"], **facts}
            return Message(UID, event, facts, SITE)
    return Message(UID, event, {**of, **facts}, SITE)


def make_service_message(event: str = "down", **facts: Any) -> Message:
    if event == "up":
        facts = {
            "note": "",
            "result": "healthy",
            "latency_ms": 34.56,
            "status_code": 200,
            "failures": 0,
            **facts,
        }
    return make_message(event, of=SERVICE_FACTS, **facts)


def make_host_message(event: str = "down", **facts: Any) -> Message:
    if event == "relay":
        return Message(UID, event, {**RELAY_FACTS, **facts}, SITE)
    return make_message(event, of=HOST_FACTS, **facts)


PROCESS_FACTS = {
    "kind": "process",
    "id": 10,
    "slug": "LongLivedProcess_abc",
    "name": "Import",
    "description": "",
    "previous": "up",
    "status": "down",
    "note": "silent",
    "occurred_at": "2026-01-08T08:00:00+00:00",
    "last_heartbeat": "2026-01-08T07:59:20+00:00",
    "silent_for": 40,
    "host": "worker-1",
    "progress": 40.0,
    "message": "Row 4,000",
    "down_for": 7_500,
}


def make_process_message(event: str = "down", **facts: Any) -> Message:
    return make_message(event, of=PROCESS_FACTS, **facts)


def make_digest(*parts: Message) -> Message:
    return Message(UID, "digest", {}, SITE, parts=parts)


EVERY_EVENT = [
    *(make_message(event) for event in ("down", "up", "test", "flapping", "calm")),
    make_digest(make_message("down"), make_message("up"), make_message("flapping")),
    *(make_service_message(event) for event in ("down", "up", "flapping", "calm")),
    *(make_host_message(event) for event in ("down", "up", "flapping", "calm", "relay")),
    *(make_process_message(event) for event in ("down", "up", "flapping", "calm")),
    make_digest(
        make_service_message("down"), make_host_message("down"), make_host_message("relay")
    ),
]


def message_id(message: Message) -> str:
    """For the name of a test: `service-down`."""
    parts = message.parts or (message,)
    return "-".join([*{part.facts.get("kind", ""): None for part in parts}, message.event])
