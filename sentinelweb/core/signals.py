"""Signals: what a ping's URL says, what is recorded, and what its sender is told."""

from __future__ import annotations

import contextlib
import re
import uuid
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import parse_qs

PREFIX = "/ping/"
TOKENED_PREFIX = "/h/"  # seed 001's

_NAME = re.compile(r"[A-Za-z0-9_.~-]{1,80}")


class SignalKind(StrEnum):
    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"


# The last part of the path: what it stands for, and the exit status if it is one.
_SIGNALS: dict[str, tuple[SignalKind, int | None]] = {
    "start": (SignalKind.START, None),
    "fail": (SignalKind.FAIL, None),
    "log": (SignalKind.LOG, None),
    "0": (SignalKind.SUCCESS, 0),
    **{str(status): (SignalKind.FAIL, status) for status in range(1, 256)},
}


class Target(NamedTuple):
    """`slug` is a monitor's slug or, with a team's `ping_key` or its own `token`, its alias.

    `rid` is the run's id.
    """

    slug: str
    ping_key: str | None = None
    kind: SignalKind = SignalKind.SUCCESS
    exit_status: int | None = None
    rid: str | None = None
    create: bool = False
    token: str | None = None


class Signal(NamedTuple):
    """One ping as it arrived. `slug`, `ping_key` and `token` are as in Target.

    `body` may be the beginning of what was sent; `body_size` is the whole of it, in bytes.
    """

    slug: str
    received_at: datetime
    method: str = "GET"
    remote_addr: str = ""
    user_agent: str = ""
    kind: SignalKind = SignalKind.SUCCESS
    exit_status: int | None = None
    rid: str | None = None
    ping_key: str | None = None
    create: bool = False
    body: bytes = b""
    body_size: int = 0
    token: str | None = None

    @property
    def reason(self) -> str:
        """The note of a failure."""
        return "failed" if self.exit_status is None else f"exit {self.exit_status}"


class NotRecordedError(Exception):
    """Nothing was stored: the database is away, or cannot take the signal."""


Outcome = str | NotRecordedError | None  # the heartbeat's name; None for an unknown slug


def read_target(path: str, query: str) -> Target | None:
    """What a URL says whose path begins with one of the prefixes; None if it can be nobody's.

    It is `/ping/<slug>` or `/ping/<team ping key>/<alias>`, and a signal may follow; or
    `/h/<alias>/<token>`.

    A run id that is no UUID is as none: a job that builds its URL badly is still alive.
    """
    if path.startswith(TOKENED_PREFIX):
        alias, _, token = path[len(TOKENED_PREFIX) :].removesuffix("/").partition("/")
        return Target(alias, token=token) if is_name(alias) and is_name(token) else None
    parts = path[len(PREFIX) :].split("/")
    if len(parts) > 1 and parts[-1] == "":
        parts.pop()
    kind, exit_status = SignalKind.SUCCESS, None
    if len(parts) > 1 and parts[-1] in _SIGNALS:
        kind, exit_status = _SIGNALS[parts.pop()]
    if len(parts) > 2 or not all(map(is_name, parts)):
        return None
    ping_key = parts[0] if len(parts) == 2 else None
    rid, create = _read_query(query) if query else (None, False)
    return Target(parts[-1], ping_key, kind, exit_status, rid, create)


def is_name(text: str) -> bool:
    """Whether `text` may be a slug or an alias at all; nothing else is looked up."""
    return _NAME.fullmatch(text) is not None


def is_alias(text: str) -> bool:
    """Whether a monitor may have this alias: it must not be taken for a signal."""
    return is_name(text) and text not in _SIGNALS


def _read_query(query: str) -> tuple[str | None, bool]:
    try:
        values = parse_qs(query, max_num_fields=20)
    except ValueError:  # too many fields
        return None, False
    rid = None
    with contextlib.suppress(KeyError, ValueError):
        rid = str(uuid.UUID(values["rid"][0]))
    return rid, values.get("create") == ["1"]
