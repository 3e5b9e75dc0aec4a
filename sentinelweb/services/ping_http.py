"""A ping as HTTP carries it: from a request to a Signal, from its outcome to an answer.

Shared by the front door, which answers pings where SentinelWeb is served, and by the Flask view,
which does so without it (`flask run`, tests).
"""

from __future__ import annotations

import json
from datetime import datetime

from sentinelweb.core.signals import NotRecordedError, Outcome, Signal, Target

METHODS = ("GET", "HEAD", "POST")
BODY_LIMIT_HEADER = "Ping-Body-Limit"


def signal(
    target: Target,
    received_at: datetime,
    *,
    method: str,
    remote_addr: str,
    user_agent: str,
    body: bytes,
    body_size: int,
) -> Signal:
    """`body` is the beginning of the body, `body_size` all of it in bytes."""
    return Signal(
        target.slug,
        received_at,
        method,
        remote_addr,
        user_agent,
        target.kind,
        target.exit_status,
        target.rid,
        target.ping_key,
        target.create,
        body,
        body_size,
        target.token,
    )


def answer(outcome: Outcome, received_at: datetime) -> tuple[int, bytes]:
    """The status and the JSON that tell a sender what became of its ping."""
    if outcome is None:
        return 404, b'{"ok": false, "error": "unknown slug"}'
    if isinstance(outcome, NotRecordedError):
        return 503, b'{"ok": false, "error": "not recorded, please try again"}'
    timestamp = received_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return 200, b'{"ok": true, "name": %s, "timestamp": "%s"}' % (
        json.dumps(outcome).encode(),
        timestamp.encode(),
    )
