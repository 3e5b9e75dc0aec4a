"""What an alert says, as plain JSON, taken down when the status changed.

A message may be sent minutes later, after a retry: it must tell what happened, not what is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from sentinelweb.core.status import Status


class HeartbeatRow(Protocol):
    """What a heartbeat's facts are read from: a HeartbeatCheck or a row with its columns."""

    @property
    def id(self) -> int: ...
    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def status_since(self) -> datetime: ...
    @property
    def expected_period(self) -> int: ...
    @property
    def grace_period(self) -> int: ...
    @property
    def cron_expression(self) -> str | None: ...
    @property
    def cron_timezone(self) -> str | None: ...
    @property
    def last_ping(self) -> datetime | None: ...
    @property
    def next_expected_ping(self) -> datetime | None: ...


def heartbeat_facts(
    row: HeartbeatRow, status: Status, now: datetime, *, note: str = ""
) -> dict[str, Any]:
    """The facts of seed 000's alert. Durations are in seconds, times ISO 8601 in UTC.

    `note` says why: missed, unfinished (a run that began), failed, `exit 3`, pinged, rescheduled.
    """
    late_at = row.next_expected_ping
    return {
        "kind": "heartbeat",
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "description": row.description,
        "previous": row.status,
        "status": status,
        "note": note,
        "occurred_at": now.isoformat(),
        "expected_period": row.expected_period,
        "grace_period": row.grace_period,
        "cron_expression": row.cron_expression,
        "cron_timezone": row.cron_timezone,
        "last_ping": row.last_ping.isoformat() if row.last_ping else None,
        "late_by": int((now - late_at).total_seconds()) if late_at else None,
        "down_for": (
            max(0, int((now - row.status_since).total_seconds()))
            if row.status == Status.DOWN
            else None
        ),
    }
