"""Monitors of all kinds, and what was recorded of one, in pages whose cost does not grow."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import defer, selectin_polymorphic, selectinload

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
from sentinelweb.services import keyset
from sentinelweb.services.keyset import Page
from sentinelweb.services.monitor_list import ListQuery
from sentinelweb.services.scoping import Actor


def find(
    actor: Actor, query: ListQuery, *, kind: str | None, environment: str, after: int, limit: int
) -> Page[Monitor]:
    """Monitors of the actor's teams, by their ids, from the one after `after`."""
    conditions = query.conditions()
    if kind:
        conditions.append(Monitor.kind == kind)
    if environment:
        conditions.append(Monitor.environment == environment)
    kinds = [HeartbeatCheck, Host, Process, Service]
    options = [selectin_polymorphic(Monitor, kinds), selectinload(Monitor.channels)]
    return keyset.owned(actor, Monitor, *conditions, after=after, limit=limit, options=options)


def pings(heartbeat: HeartbeatCheck, before: int | None, limit: int) -> Page[Ping]:
    """The latest first, without their bodies."""
    query = sa.select(Ping).options(defer(Ping.body, raiseload=True))
    return keyset.latest(query, Ping, Ping.monitor_id == heartbeat.id, before, limit)


def results(service: Service, before: int | None, limit: int) -> Page[ServiceCheck]:
    """The latest first."""
    of_service = ServiceCheck.service_id == service.id
    return keyset.latest(sa.select(ServiceCheck), ServiceCheck, of_service, before, limit)


def changes(monitor: Monitor, before: int | None, limit: int) -> Page[StatusChange]:
    """The latest first."""
    of_monitor = StatusChange.monitor_id == monitor.id
    return keyset.latest(sa.select(StatusChange), StatusChange, of_monitor, before, limit)
