"""What an alert says, as plain JSON, taken down when the status changed.

A message may be sent minutes later, after a retry: it must tell what happened, not what is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from sentinelweb.core.results import ProbeResult
from sentinelweb.core.status import Status
from sentinelweb.core.targets import without_credentials
from sentinelweb.models import Monitor


class MonitorRow(Protocol):
    """What the facts of every kind are read from: a Monitor or a row with its columns."""

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


_monitors = Monitor.__table__
# What makes a row a MonitorRow.
MONITOR_COLUMNS = (
    _monitors.c.id,
    _monitors.c.slug,
    _monitors.c.name,
    _monitors.c.description,
    _monitors.c.status,
    _monitors.c.status_since,
)


class HeartbeatRow(MonitorRow, Protocol):
    """What a heartbeat's facts are read from: a HeartbeatCheck or a row with its columns."""

    @property
    def alias(self) -> str | None: ...
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
        **_common("heartbeat", row, status, now, note),
        "alias": row.alias,
        "expected_period": row.expected_period,
        "grace_period": row.grace_period,
        "cron_expression": row.cron_expression,
        "cron_timezone": row.cron_timezone,
        "last_ping": row.last_ping.isoformat() if row.last_ping else None,
        "late_by": int((now - late_at).total_seconds()) if late_at else None,
    }


class ServiceRow(MonitorRow, Protocol):
    """What a service's facts are read from: a Service or a row with its columns."""

    @property
    def target(self) -> str: ...


def service_facts(
    row: ServiceRow, status: Status, now: datetime, found: ProbeResult, *, failures: int
) -> dict[str, Any]:
    """The facts of seed 004's alert: the reason of a failure, the latency of a recovery.

    `failures` is how many results in a row were failures, `found` included.
    """
    return {
        **_common("service", row, status, now, found.reason),
        "target": without_credentials(row.target),
        "result": found.result,
        "latency_ms": found.latency_ms,
        "status_code": found.status_code,
        "failures": failures,
    }


class HostRow(MonitorRow, Protocol):
    """What a host's facts are read from: a Host or a row with its columns."""

    @property
    def last_report_at(self) -> datetime | None: ...


def host_facts(row: HostRow, status: Status, now: datetime, *, note: str) -> dict[str, Any]:
    """The facts of a host that went silent (`note` is `silent`) or is back (`answered`)."""
    last = row.last_report_at
    return {
        **_common("host", row, status, now, note),
        "last_report": last.isoformat() if last else None,
        "silent_for": int((now - last).total_seconds()) if last else None,
    }


class ProcessRow(MonitorRow, Protocol):
    """What a process's facts are read from: a Process or a row with its columns."""

    @property
    def last_heartbeat(self) -> datetime: ...
    @property
    def host(self) -> str: ...
    @property
    def progress(self) -> float | None: ...
    @property
    def message(self) -> str: ...


def process_facts(row: ProcessRow, status: Status, now: datetime, *, note: str) -> dict[str, Any]:
    """The facts of a process that fell silent or failed, with what it told last.

    `note` says why: silent, `exit 3`, answered.
    """
    return {
        **_common("process", row, status, now, note),
        "last_heartbeat": row.last_heartbeat.isoformat(),
        "silent_for": max(0, int((now - row.last_heartbeat).total_seconds())),
        "host": row.host,
        "progress": row.progress,
        "message": row.message,
    }


def _common(kind: str, row: MonitorRow, status: Status, now: datetime, note: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "description": row.description,
        "previous": row.status,
        "status": status,
        "note": note,
        "occurred_at": now.isoformat(),
        "down_for": _down_for(row, now),
    }


def _down_for(row: MonitorRow, now: datetime) -> int | None:
    """Seconds of the incident that ends now; None if there was none."""
    if row.status != Status.DOWN:
        return None
    return max(0, int((now - row.status_since).total_seconds()))
