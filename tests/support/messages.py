"""Messages as services/delivery.py would make them."""

from __future__ import annotations

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


def make_message(event: str = "down", **facts: Any) -> Message:
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
    return Message(UID, event, {**FACTS, **facts}, SITE)


def make_digest(*parts: Message) -> Message:
    return Message(UID, "digest", {}, SITE, parts=parts)


EVERY_EVENT = [
    *(make_message(event) for event in ("down", "up", "test", "flapping", "calm")),
    make_digest(make_message("down"), make_message("up"), make_message("flapping")),
]
