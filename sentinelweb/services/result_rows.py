"""The rows that results change, read and written with few steps of the driver.

SQLite's driver lets other threads run at each row that it reads or writes. In a process where
another thread looks at services meanwhile, each row would wait for its turn, with the database held
all the while: hundreds of rows took a second on a busy machine. So there they travel as one JSON
text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.status import Status
from sentinelweb.db import UTCDateTime, among
from sentinelweb.models import Monitor, Service, ServiceCheck

_monitors = Monitor.__table__
_services = Service.__table__
_checks = ServiceCheck.__table__

_READ = (
    _monitors.c.id,
    _monitors.c.status,
    _services.c.interval,
    _services.c.threshold,
    _services.c.next_check_at,
    _services.c.claimed_at,
    _services.c.last_check_at,
    _services.c.failures,
    _services.c.recent,
    _services.c.certificate_expires_at,
)
_UPDATED = (
    "next_check_at",
    "claimed_at",
    "last_check_at",
    "last_result",
    "last_latency_ms",
    "last_status_code",
    "last_error",
    "failures",
    "recent",
    "certificate_expires_at",
)
_INSERTED = (
    "service_id",
    "cycle_id",
    "created_at",
    "status",
    "latency_ms",
    "status_code",
    "error_message",
)


def lock(session: Session, ids: Collection[int]) -> list[dict[str, Any]]:
    """What is known of those services of `ids` that are not paused, locked until the commit.

    With their monitors, and in the order of the ids, as those who edit them lock both.
    """
    query = (
        sa.select(*_READ)
        .join(_services, _services.c.id == _monitors.c.id)
        .where(among(_monitors.c.id, ids), _monitors.c.status != Status.PAUSED)
        .order_by(_monitors.c.id)
    )
    if not _is_sqlite(session):
        rows = session.execute(query.with_for_update(key_share=True))
        return [dict(row._mapping) for row in rows]  # noqa: SLF001 - public, despite its name
    row = sa.func.json_array(*(sa.type_coerce(column, sa.String) for column in _READ))
    text = session.scalar(query.with_only_columns(sa.func.json_group_array(row)).order_by(None))
    return [
        {column.name: _read(column, value) for column, value in zip(_READ, values, strict=True)}
        for values in json.loads(text or "[]")
    ]


def update(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set the columns of services; each row names its service as `key`."""
    if _is_sqlite(session):
        session.execute(_UPDATE_FROM_JSON, {"rows": _text(rows, ("key", *_UPDATED))})
    else:
        session.connection().execute(_UPDATE, rows)


def insert(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add ServiceChecks."""
    if _is_sqlite(session):
        session.execute(_INSERT_FROM_JSON, {"rows": _text(rows, _INSERTED)})
    else:
        session.connection().execute(sa.insert(_checks), rows)


_UPDATE = (
    sa.update(_services)
    .where(_services.c.id == sa.bindparam("key"))
    .values({name: sa.bindparam(name) for name in _UPDATED})
)


def _places(names: Iterable[str], first: int = 0) -> list[tuple[str, str]]:
    """Names, and the expressions of their values in a row of JSON."""
    return [(name, f"json_extract(value, '$[{place}]')") for place, name in enumerate(names, first)]


_UPDATE_FROM_JSON = sa.text(
    "UPDATE services SET "  # noqa: S608 - of the names above
    + ", ".join(f"{name} = {value}" for name, value in _places(_UPDATED, 1))
    + " FROM json_each(:rows) WHERE services.id = json_extract(value, '$[0]')"
)
_INSERT_FROM_JSON = sa.text(
    f"INSERT INTO service_checks ({', '.join(_INSERTED)}) SELECT "  # noqa: S608 - of the names above
    + ", ".join(value for _name, value in _places(_INSERTED))
    + " FROM json_each(:rows)"
)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _text(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    return json.dumps([[_written(row[name]) for name in names] for row in rows])


def _written(value: Any) -> Any:
    """As SQLAlchemy writes it to SQLite."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


def _read(column: sa.Column[Any], value: Any) -> Any:
    if value is not None and isinstance(column.type, UTCDateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value
