"""The hot path: signals from jobs, recorded in groups, acknowledged after the commit.

A group costs three statements, whatever its size: its heartbeats are read and locked, its pings
inserted, its heartbeats updated; two more where it does more than move deadlines. They go straight
to the driver, inside the transaction of `writing()`: SQLAlchemy's handling of parameters and rows
would cost more than the database does. What the signals mean is worked out in between
(ping_effects.py); transitions.py is handed every status that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from sqlalchemy.orm import Session

from sentinelweb.core.signals import Signal, SignalKind, is_name
from sentinelweb.db import writing
from sentinelweb.services import aliases, transitions
from sentinelweb.services.ping_effects import Heartbeat, Steady
from sentinelweb.services.ping_statements import DATABASES, PingDatabase

__all__ = ["Signal", "record"]

Execute = Callable[..., Any]


def record(signals: Sequence[Signal]) -> list[str | None]:
    """Store `signals` in one transaction.

    Return the name of each one's heartbeat, None for an unknown slug.
    """
    slugs = _slugs(signals)
    with writing() as session:
        database = DATABASES[session.get_bind().dialect.name]
        execute = session.connection().exec_driver_sql
        heartbeats = _heartbeats(execute, database, slugs, signals)
        names: list[str | None] = []
        pings = []
        for slug, signal in zip(slugs, signals, strict=True):
            heartbeat = heartbeats.get(slug)
            if heartbeat is None:
                names.append(None)
                continue
            duration = heartbeat.take(signal)
            pings.append(database.ping_values(heartbeat, signal, duration))
            names.append(heartbeat.name)
        if pings:
            execute(database.insert, pings)
            _update(session, execute, database, heartbeats.values(), signals[-1].received_at)
    return names


def _heartbeats(
    execute: Execute, database: PingDatabase, slugs: Sequence[str], signals: Sequence[Signal]
) -> dict[str, Heartbeat | Steady]:
    """The heartbeats that `signals` are for, locked, by slug."""
    wanted = [slug for slug in set(slugs) if is_name(slug)]
    eventful = {
        slug
        for slug, signal in zip(slugs, signals, strict=True)
        if signal.kind is not SignalKind.SUCCESS
    }
    found: dict[str, Heartbeat | Steady] = {}
    others = []
    for id_, slug, name, period, grace, is_steady in execute(
        database.read, (database.write_list(wanted),)
    ).all():
        if is_steady and slug not in eventful:
            found[slug] = Steady(id_, name, period, grace)
        else:
            others.append(slug)
    if others:
        rows = execute(database.read_whole, (database.write_list(others),))
        found |= {row[1]: database.heartbeat(row) for row in rows}
    return found


def _update(
    session: Session,
    execute: Execute,
    database: PingDatabase,
    heartbeats: Iterable[Heartbeat | Steady],
    now: datetime,
) -> None:
    moved = [item for item in heartbeats if type(item) is Steady]
    changed = [item for item in heartbeats if isinstance(item, Heartbeat) and item.counted]
    if moved:
        execute(database.move, [database.move_values(item) for item in moved])
    if changed:
        execute(database.update, [database.heartbeat_values(item) for item in changed])
        _change_statuses(session, changed, now)


def _slugs(signals: Sequence[Signal]) -> list[str]:
    """The slug that each of `signals` is for, which for some is found or made by an alias."""
    if all(signal.ping_key is None and signal.token is None for signal in signals):
        return [signal.slug for signal in signals]
    by_key = aliases.find({(s.ping_key, s.slug) for s in signals if s.ping_key is not None})
    by_token = aliases.find_by_token({(s.slug, s.token) for s in signals if s.token is not None})
    slugs = []
    for signal in signals:
        slug: str | None = signal.slug
        if signal.token is not None:
            slug = by_token.get((signal.slug, signal.token))
        elif signal.ping_key is not None:
            address = signal.ping_key, signal.slug
            slug = by_key.get(address)
            if slug is None and signal.create:
                slug = aliases.find_or_create(address, signal.received_at)
        slugs.append(slug or "")
    return slugs


def _change_statuses(session: Session, heartbeats: Iterable[Heartbeat], now: datetime) -> None:
    """Apply the transitions: every heartbeat's first one, then the second ones, and so on."""
    for at_once in zip_longest(*(item.transitions for item in heartbeats if item.transitions)):
        transitions.apply(session, [item for item in at_once if item], now)
