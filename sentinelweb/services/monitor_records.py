"""Monitors of all kinds, and what was recorded of one, in pages whose cost does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import defer, selectin_polymorphic, selectinload

from sentinelweb.db import db
from sentinelweb.models import (
    HeartbeatCheck,
    Host,
    Monitor,
    Ping,
    Process,
    Service,
    ServiceCheck,
    StatusChange,
)
from sentinelweb.services import scoping
from sentinelweb.services.monitor_list import ListQuery
from sentinelweb.services.scoping import Actor

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`following` is the id to ask for the next page with; None on the last one."""

    rows: Sequence[Row]
    following: int | None


def find(
    actor: Actor, query: ListQuery, *, kind: str | None, environment: str, after: int, limit: int
) -> Page[Monitor]:
    """Monitors of the actor's teams, by their ids, from the one after `after`."""
    conditions = [
        Monitor.team_id.in_(scoping.team_ids(actor)),
        Monitor.id > after,
        *query.conditions(),
    ]
    if kind:
        conditions.append(Monitor.kind == kind)
    if environment:
        conditions.append(Monitor.environment == environment)
    kinds = [HeartbeatCheck, Host, Process, Service]
    rows = db.session.scalars(
        sa.select(Monitor)
        .options(selectin_polymorphic(Monitor, kinds), selectinload(Monitor.channels))
        .where(*conditions)
        .order_by(Monitor.id)
        .limit(limit + 1)
    ).all()
    return _page(rows, limit)


def pings(heartbeat: HeartbeatCheck, before: int | None, limit: int) -> Page[Ping]:
    """The latest first, without their bodies."""
    query = sa.select(Ping).options(defer(Ping.body, raiseload=True))
    return _latest(query, Ping, Ping.monitor_id == heartbeat.id, before, limit)


def results(service: Service, before: int | None, limit: int) -> Page[ServiceCheck]:
    """The latest first."""
    of_service = ServiceCheck.service_id == service.id
    return _latest(sa.select(ServiceCheck), ServiceCheck, of_service, before, limit)


def changes(monitor: Monitor, before: int | None, limit: int) -> Page[StatusChange]:
    """The latest first."""
    of_monitor = StatusChange.monitor_id == monitor.id
    return _latest(sa.select(StatusChange), StatusChange, of_monitor, before, limit)


def _latest(
    query: sa.Select[Any],
    model: type[Ping | ServiceCheck | StatusChange],
    condition: sa.ColumnElement[bool],
    before: int | None,
    limit: int,
) -> Page[Any]:
    """Rows may be written later than others of a later time: the place is both time and id."""
    query = query.where(condition)
    if before is not None:
        at = sa.select(model.created_at).where(model.id == before, condition).scalar_subquery()
        place = sa.tuple_(model.created_at, model.id)
        query = query.where(place < sa.tuple_(at, sa.literal(before, model.id.type)))
    newest_first = query.order_by(model.created_at.desc(), model.id.desc())
    return _page(db.session.scalars(newest_first.limit(limit + 1)).all(), limit)


def _page(rows: Sequence[Any], limit: int) -> Page[Any]:
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)
