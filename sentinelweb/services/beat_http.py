"""A process's heartbeat as HTTP carries it: who may send it, and what is answered.

Shared by the front door and by the Flask view, as ping_http.py is for pings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from config import Settings
from sentinelweb.core.beats import Beat, BeatReceipt, read_details
from sentinelweb.core.credentials import hash_of, shown_key
from sentinelweb.core.instants import iso
from sentinelweb.core.signals import NotRecordedError
from sentinelweb.services import api_keys, process_tokens

BODY_LIMIT = 10_000
REFUSED = 401, b'{"error": "show an API key that may write, or the token of this process"}'


@dataclass(frozen=True, slots=True)
class Reading:
    """`renewed` is a new token for a process whose own is half over; empty for others."""

    beat: Beat
    renewed: str = ""


def read(
    process_id: str,
    *,
    authorization: str,
    admin_token: str,
    body: bytes,
    now: datetime,
    settings: Settings,
) -> Reading | None:
    """The heartbeat; None if its sender shows nothing that could allow it.

    An API key is looked up when it is recorded. A body of more than BODY_LIMIT bytes tells nothing.
    """
    details = read_details(body) if len(body) < BODY_LIMIT else {}
    beat = Beat(process_id, now, **details)
    secret = shown_key(admin_token, authorization)
    if settings.process_api == "open" or api_keys.is_admin_token(secret, settings):
        return Reading(beat)
    if secret.count(".") == 2:
        token = process_tokens.read(secret, settings, now)
        if token is None or token.process_id != process_id:
            return None
        half_over = token.expires_at - now < process_tokens.VALID_FOR / 2
        return Reading(beat, process_tokens.issue(process_id, settings, now) if half_over else "")
    return Reading(beat._replace(key_hash=hash_of(secret))) if secret else None


def answer(outcome: BeatReceipt | NotRecordedError | None, renewed: str = "") -> tuple[int, bytes]:
    """The status and the JSON that tell a process what became of its heartbeat."""
    if outcome is None:
        return 404, b'{"error": "no process under way has this id, or it is not yours"}'
    if isinstance(outcome, NotRecordedError):
        return 503, b'{"error": "not recorded, please try again"}'
    told = {
        "processId": outcome.process_id,
        "message": f"Heartbeat of {outcome.process_id} registered.",
        "lastHeartbeat": iso(outcome.received_at, "milliseconds"),
    }
    if renewed:
        told["token"] = renewed
    return 200, json.dumps(told).encode()
