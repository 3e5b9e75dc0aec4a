"""A ping as HTTP carries it: from a request to a Signal, from a Receipt to an answer.

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
        slug=target.slug,
        received_at=received_at,
        method=method,
        remote_addr=remote_addr,
        user_agent=user_agent,
        kind=target.kind,
        exit_status=target.exit_status,
        rid=target.rid,
        ping_key=target.ping_key,
        create=target.create,
        token=target.token,
        body=body,
        body_size=body_size,
    )


def answer(outcome: Outcome) -> tuple[int, bytes]:
    """The status and the JSON that tell a sender what became of its ping."""
    if outcome is None:
        return 404, b'{"ok": false, "error": "unknown slug"}'
    if isinstance(outcome, NotRecordedError):
        return 503, b'{"ok": false, "error": "not recorded, please try again"}'
    timestamp = outcome.received_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    name = json.dumps(outcome.name)
    return 200, f'{{"ok": true, "name": {name}, "timestamp": "{timestamp}"}}'.encode()
