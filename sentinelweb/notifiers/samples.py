"""Examples of every event, to show and to try what a channel would send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sentinelweb.notifiers.base import Message

_SITE = "https://sentinelweb.example.com"
_UID = "5b1c5a5e-0d6c-4b3a-9d9e-0123456789ab"

_COMMON: dict[str, Any] = {
    "id": 7,
    "description": "Dumps the database",
    "previous": "up",
    "status": "down",
    "occurred_at": "2026-01-08T08:00:00+00:00",
    "down_for": None,
}
_HEARTBEAT = _COMMON | {
    "kind": "heartbeat",
    "slug": "0sIcQs5cTNm2wJ9s6kQxXw",
    "alias": "nightly-backup",
    "name": "Nightly backup",
    "previous": "late",
    "note": "missed",
    "expected_period": 86_400,
    "grace_period": 3_600,
    "cron_expression": None,
    "cron_timezone": None,
    "last_ping": "2026-01-07T07:00:00+00:00",
    "late_by": 3_600,
}
_SERVICE = _COMMON | {
    "kind": "service",
    "slug": "shop",
    "name": "Shop",
    "note": "HTTP 500",
    "target": "https://shop.example.com/health",
    "result": "error",
    "latency_ms": 12.5,
    "status_code": 500,
    "failures": 4,
}
_HOST = _COMMON | {
    "kind": "host",
    "slug": "web-1",
    "name": "web-1",
    "note": "silent",
    "last_report": "2026-01-08T07:58:00+00:00",
    "silent_for": 120,
}
_PROCESS = _COMMON | {
    "kind": "process",
    "slug": "LongLivedProcess_q9Vf5mTnXw0sIcQs5cTNmw",
    "name": "Import",
    "note": "silent",
    "last_heartbeat": "2026-01-08T07:59:20+00:00",
    "silent_for": 40,
    "host": "worker-1",
    "progress": 40.0,
    "message": "Row 4,000",
}
_EVENTS: dict[str, dict[str, Any]] = {
    "down": {},
    "up": {
        "previous": "down",
        "status": "up",
        "note": "pinged",
        "occurred_at": "2026-01-08T08:42:00+00:00",
        "down_for": 2_520,
    },
    "flapping": {"changes": 7, "window": 900},
    "calm": {"previous": "down", "status": "up", "note": None},
}


def heartbeat(event: str) -> Message:
    return _message(event, _HEARTBEAT)


def every() -> Iterator[Message]:
    """One of each event of each kind of monitor, the most frequent first."""
    for facts in (_HEARTBEAT, _SERVICE, _HOST, _PROCESS):
        for event in _EVENTS:
            yield _message(event, facts)
    codes = {"previous_code": 200, "code": 500, "note": "relay"}
    hidden = ("status", "previous", "down_for")
    relay = {name: value for name, value in _HOST.items() if name not in hidden}
    yield Message(_UID, "relay", relay | codes, _SITE)
    yield Message(_UID, "digest", {}, _SITE, parts=(heartbeat("down"), heartbeat("up")))
    test = {"channel": "Team chat", "occurred_at": _COMMON["occurred_at"]}
    yield Message(_UID, "test", test, _SITE)


def _message(event: str, facts: dict[str, Any]) -> Message:
    return Message(_UID, event, facts | _EVENTS[event], _SITE)
