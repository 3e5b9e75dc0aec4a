"""Heartbeats of processes: what one carries, and what its sender is told (seed 003)."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard

MAX_MESSAGE = 500
MAX_HOST = 255
MAX_PID = 2**31 - 1

_ID = r"(?:Short|Long)LivedProcess_[A-Za-z0-9_-]{1,60}"
_PATH = re.compile(rf"/heartbeat/({_ID})/register/?")


class Beat(NamedTuple):
    """A heartbeat as it arrived. `key_hash` is that of the key it showed.

    It is empty if the sender has proved already that it may speak for this process. What the
    process did not tell is None.
    """

    process_id: str
    received_at: datetime
    key_hash: str = ""
    progress: float | None = None
    message: str | None = None
    pid: int | None = None
    host: str | None = None


class BeatReceipt(NamedTuple):
    process_id: str
    received_at: datetime
    status: str


def is_process_id(text: str) -> bool:
    """Whether `text` may be the id of a process at all; nothing else is looked up."""
    return re.fullmatch(_ID, text) is not None


def process_of(path: str) -> str | None:
    """The id of the process that `/heartbeat/<id>/register` is for; None for another path."""
    match = _PATH.fullmatch(path)
    return match[1] if match else None


def read_details(body: bytes) -> dict[str, Any]:
    """What a heartbeat's body tells of its process, as far as it can be understood.

    A process that writes nonsense is still alive: what cannot be used counts as not told.
    """
    try:
        told = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    found: dict[str, Any] = {}
    progress, pid = told.get("progress"), told.get("pid")
    if _is_number(progress) and math.isfinite(progress):
        found["progress"] = min(100.0, max(0.0, float(progress)))
    if _is_number(pid) and 0 <= pid <= MAX_PID:
        found["pid"] = int(pid)
    for name, limit in (("message", MAX_MESSAGE), ("host", MAX_HOST)):
        if isinstance(told.get(name), str):
            found[name] = storable(told[name], limit)
    return found


def storable(text: str, limit: int) -> str:
    """The beginning of `text`, without what some database cannot store."""
    return (
        text[:limit].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
