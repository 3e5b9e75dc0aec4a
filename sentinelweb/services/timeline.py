"""What happened to a monitor: pings, changes of status, messages, and our own outages meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, defer, joinedload

from sentinelweb.core.instants import from_microseconds, microseconds
from sentinelweb.db import db
from sentinelweb.models import Delivery, Monitor, Outage, Ping, StatusChange

PAGE_SIZE = 30


class Rank(IntEnum):
    """The order of what happened at one instant: a ping changes the status, which is told."""

    PING = 0
    CHANGE = 1
    DELIVERY = 2
    OUTAGE = 3


# What happens to what nobody pings.
WITHOUT_PINGS = (Rank.CHANGE, Rank.DELIVERY)

Row = Ping | StatusChange | Delivery | Outage


@dataclass(frozen=True, slots=True)
class _Source:
    """Where entries come from; without a `monitor_id` they concern every monitor of their time."""

    model: type[Row]
    at: InstrumentedAttribute[datetime]
    monitor_id: sa.SQLColumnExpression[Any] | None = None

    def concerns(self, monitor_id: int) -> sa.ColumnElement[bool]:
        if self.monitor_id is not None:
            return self.monitor_id == monitor_id
        born_at = sa.select(Monitor.created_at).where(Monitor.id == monitor_id)
        return self.at > born_at.scalar_subquery()


_SOURCES = {
    Rank.PING: _Source(Ping, Ping.created_at, Ping.monitor_id),
    Rank.CHANGE: _Source(StatusChange, StatusChange.created_at, StatusChange.monitor_id),
    Rank.DELIVERY: _Source(Delivery, Delivery.created_at, Delivery.monitor_id),
    # While one lasted, a ping found a closed door.
    Rank.OUTAGE: _Source(Outage, Outage.ended_at),
}


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an entry stands; pages of the timeline begin after one."""

    at: datetime
    rank: Rank
    id: int

    def __str__(self) -> str:
        return f"{microseconds(self.at)}-{self.rank:d}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position that `str()` wrote; None for anything else that an address may hold."""
        try:
            number, rank, id_ = map(int, text.split("-"))
            return cls(from_microseconds(number), Rank(rank), id_) if abs(id_) < 2**63 else None
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    position: Position
    row: Row

    @property
    def kind(self) -> str:
        return self.position.rank.name.lower()


@dataclass(frozen=True, slots=True)
class Timeline:
    """Entries, latest first; `older` is where the next page begins, None on the last one."""

    entries: Sequence[Entry]
    older: Position | None


def of_monitor(
    monitor_id: int, *, before: Position | None = None, ranks: Collection[Rank] = tuple(Rank)
) -> Timeline:
    """The latest entries of these `ranks`, or those that come `before` a position."""
    found = [entry for rank in ranks for entry in _entries(monitor_id, rank, before)]
    found.sort(key=lambda entry: entry.position, reverse=True)
    entries = found[:PAGE_SIZE]
    return Timeline(entries, entries[-1].position if len(found) > PAGE_SIZE else None)


def latest_ids(monitor_id: int, *, ranks: Collection[Rank] = tuple(Rank)) -> tuple[object, ...]:
    """Changes with the timeline's first page: the newest of each kind, and messages finished.

    No more than that page is read, by its index: a monitor may have a hundred thousand pings.
    """
    found: list[object] = []
    for source in (_SOURCES[rank] for rank in ranks):
        columns = [source.model.id, *([Delivery.finished_at] if source.model is Delivery else ())]
        page = _latest(sa.select(*columns), source, monitor_id).limit(PAGE_SIZE).subquery()
        found += db.session.execute(sa.select(*map(sa.func.max, page.c))).one()
    return tuple(found)


def _entries(monitor_id: int, rank: Rank, before: Position | None) -> list[Entry]:
    source = _SOURCES[rank]
    model, at = source.model, source.at
    query = _latest(sa.select(model), source, monitor_id).limit(PAGE_SIZE + 1)
    if model is Delivery:
        query = query.options(joinedload(Delivery.channel))
    if model is Ping:
        query = query.options(defer(Ping.body, raiseload=True))
    if before is not None:
        query = query.where(_stands_before(source, rank, before))
    rows = cast("Sequence[Row]", db.session.scalars(query).all())
    return [Entry(Position(getattr(row, at.key), rank, row.id), row) for row in rows]


def _latest(query: sa.Select[Any], source: _Source, monitor_id: int) -> sa.Select[Any]:
    """`query` for what concerns the monitor, latest first."""
    return query.where(source.concerns(monitor_id)).order_by(
        source.at.desc(), source.model.id.desc()
    )


def _stands_before(source: _Source, rank: Rank, position: Position) -> sa.ColumnElement[bool]:
    at = source.at
    if rank < position.rank:
        return at <= position.at
    if rank > position.rank:
        return at < position.at
    return sa.tuple_(at, source.model.id) < sa.tuple_(
        sa.literal(position.at, at.type), sa.literal(position.id)
    )
