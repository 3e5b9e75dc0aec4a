"""What is measured of results and cycles, in SQL: of single rows, and of sums put together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.results import Result
from sentinelweb.db import UTCDateTime, db
from sentinelweb.models import HostRollup, MonitoringCycle, Service, ServiceCheck

OWN_PROBES = 0  # `host_id` in team_rollups of the services that we probe ourselves
RELAY_CODES = (200, 220, 221, 500)

_checks: sa.Table = ServiceCheck.__table__
_cycles: sa.Table = MonitoringCycle.__table__
_services: sa.Table = Service.__table__


def of_results() -> list[sa.Label[Any]]:
    """The figures of a group of service_checks."""
    latency = _checks.c.latency_ms
    return [
        *(_count_if(_checks.c.status == result.value).label(result.value) for result in Result),
        sa.func.count(latency).label("latency_count"),
        sa.func.sum(latency).label("latency_sum"),
        sa.func.min(latency).label("latency_min"),
        sa.func.max(latency).label("latency_max"),
    ]


def of_cycles() -> list[sa.Label[Any]]:
    """The figures of a group of monitoring_cycles."""
    measured = {
        "cpu": _cycles.c.cpu_percent,
        "ram": _cycles.c.ram_percent,
        "disk": _cycles.c.disk_percent,
        "ping": _cycles.c.ping_ms,
        "duration": _cycles.c.cycle_duration_ms,
    }
    code = _cycles.c.worker_status
    found = {
        "cycles": sa.func.count(),
        "internet_known": sa.func.count(_cycles.c.internet_status),
        "internet_ok": _count_if(_cycles.c.internet_status),
        "container_max": sa.func.max(_cycles.c.container_count),
        **{f"relay_{known}": _count_if(code == known) for known in RELAY_CODES},
        "relay_other": _count_if(code.not_in(RELAY_CODES)),
        "relay_none": _count_if(code.is_(None)),
        **{
            f"{name}_{function}": getattr(sa.func, function)(column)
            for name, column in measured.items()
            for function in ("count", "sum", "min", "max")
        },
    }
    return [found[column.name].label(column.name) for column in columns(HostRollup.__table__)]


def columns(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns of a table of sums that hold figures."""
    return [column for column in table.c if not column.primary_key]


def together(summed: Iterable[sa.ColumnElement[Any]]) -> list[sa.Label[Any]]:
    """The figures of a group of rows that hold sums."""
    return [_together(column, str(column.name)).label(column.name) for column in summed]


def _together(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[Any]:
    match name[-4:]:
        case "_min":
            return sa.func.min(column)
        case "_max":
            return sa.func.max(column)
    return sa.func.coalesce(sa.func.sum(column), 0)


def joined(old: sa.ColumnElement[Any], new: sa.ColumnElement[Any], name: str) -> Any:
    """What becomes of the figure `name` of a row of sums when others are added."""
    functions = {"_min": ("least", "min"), "_max": ("greatest", "max")}.get(name[-4:])
    if functions is None:
        return old + new
    function = getattr(sa.func, functions[_is_sqlite()])
    return sa.func.coalesce(function(old, new), old, new)  # to SQLite the least of NULL is NULL


def host_of_results() -> sa.ColumnElement[int]:
    """The host whose agent looks at a service; OWN_PROBES for what we look at ourselves."""
    own = sa.literal_column(str(OWN_PROBES), sa.Integer)
    return sa.case((_services.c.probe == "agent", _services.c.host_id), else_=own)


def start_of(instant: sa.ColumnElement[datetime], seconds: int) -> sa.ColumnElement[datetime]:
    """The start of the minute, ten minutes, hour or day of UTC that `instant` is in."""
    if not _is_sqlite():
        length, epoch = sa.text(f"interval '{seconds} seconds'"), sa.text("timestamptz 'epoch'")
        return sa.func.date_bin(length, instant, epoch, type_=UTCDateTime())
    # Text to SQLite: the beginning says what bucket, the end is all zeros.
    zeros = "0000-00-00 00:00:00.000000"
    kept = {60: 16, 600: 15, 3_600: 13, 86_400: 10}[seconds]
    text = sa.func.substr(sa.type_coerce(instant, sa.String), 1, kept)
    return sa.type_coerce(text.concat(zeros[kept:]), UTCDateTime())


def bucket_of(instant: sa.ColumnElement[datetime], seconds: int) -> sa.ColumnElement[int]:
    """The start of the bucket of so many seconds that `instant` is in, in seconds since 1970."""
    if _is_sqlite():
        epoch = sa.cast(sa.func.strftime("%s", instant), sa.Integer)
    else:
        epoch = sa.cast(sa.func.floor(sa.extract("epoch", instant)), sa.BigInteger)
    return epoch // seconds * seconds


def _count_if(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"
