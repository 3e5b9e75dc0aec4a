"""The services that the agents of hosts report: made, described, missed, forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.host_reports import ServiceReport
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Host,
    Monitor,
    Service,
    ServiceCheck,
    StatusChange,
    User,
    monitor_channels,
)
from sentinelweb.services import counts, monitors, scoping, transitions
from sentinelweb.services.counts import CountKey
from sentinelweb.services.transitions import Transition

PROBE = "agent"
# A service that the reports of its host leave out for so long is paused, with this note.
UNREPORTED_AFTER = timedelta(minutes=10)
UNREPORTED = "unreported"
REPORTED = "reported"
BATCH = 5_000  # rows that one transaction deletes: more would hold up pings

_monitors = Monitor.__table__
_services = Service.__table__
_checks = ServiceCheck.__table__


class Known(NamedTuple):
    """A service that the host has reported before."""

    id: int
    status: str
    target: str
    last_check_at: datetime | None


def known(host_id: int) -> dict[str, Known]:
    rows = db.session.execute(
        sa.select(
            _services.c.reported_as,
            _monitors.c.id,
            _monitors.c.status,
            _services.c.target,
            _services.c.last_check_at,
        )
        .join(_monitors, _monitors.c.id == _services.c.id)
        .where(_services.c.host_id == host_id, _services.c.reported_as.is_not(None))
    )
    return {name: Known(*rest) for name, *rest in rows}


def add(host_id: int, reports: Mapping[str, ServiceReport], now: datetime) -> None:
    """Make services of what the host reports for the first time; they alert as the host does."""
    with writing() as session:
        host = session.scalar(sa.select(Host).where(Host.id == host_id).with_for_update())
        if host is None:
            return
        taken = set(
            session.scalars(
                sa.select(_services.c.reported_as).where(_services.c.host_id == host_id)
            )
        )
        services = [
            Service(
                team_id=host.team_id,
                slug=monitors.new_slug(),
                name=name,
                tags=list(host.tags),
                environment=host.environment,
                status=Status.NEW,
                status_since=now,
                created_at=now,
                updated_at=now,
                host_id=host_id,
                reported_as=name,
                target=item.target or name,
                probe=PROBE,
            )
            for name, item in reports.items()
            if name not in taken
        ]
        session.add_all(services)
        session.flush()
        channels = session.scalars(
            sa.select(monitor_channels.c.channel_id).where(monitor_channels.c.monitor_id == host_id)
        ).all()
        pairs = [
            {"monitor_id": service.id, "channel_id": channel_id}
            for service in services
            for channel_id in channels
        ]
        if pairs:
            session.execute(sa.insert(monitor_channels), pairs)
        key = CountKey(host.team_id, "service", Status.NEW)
        counts.shift(session, {key: len(services)})


def keep_watched(
    watched: Mapping[str, Known], current: Mapping[str, ServiceReport], now: datetime
) -> None:
    """Pause what is no longer reported, and resume what is again, unless a person paused it."""
    absent = [
        item
        for name, item in watched.items()
        if name not in current
        and item.status != Status.PAUSED
        and item.last_check_at is not None
        and item.last_check_at < now - UNREPORTED_AFTER
    ]
    paused = [
        item.id
        for name, item in watched.items()
        if name in current and item.status == Status.PAUSED
    ]
    changes = [
        *(_change(item.id, Status(item.status), Event.PAUSED, UNREPORTED, now) for item in absent),
        *(
            _change(id_, Status.PAUSED, Event.RESUMED, REPORTED, now)
            for id_ in _paused_by_us(paused)
        ),
    ]
    if changes:
        with writing() as session:
            transitions.apply(session, changes, now)


def _change(id_: int, previous: Status, event: Event, note: str, now: datetime) -> Transition:
    return Transition(id_, previous, decide(previous, event, None, now)._replace(note=note))


def _paused_by_us(ids: Sequence[int]) -> list[int]:
    """Those of `ids`, all paused, whose last change says so."""
    if not ids:
        return []
    latest = (
        sa.select(sa.func.max(StatusChange.id))
        .where(StatusChange.monitor_id.in_(ids))
        .group_by(StatusChange.monitor_id)
    )
    query = sa.select(StatusChange.monitor_id).where(
        StatusChange.id.in_(latest), StatusChange.note == UNREPORTED
    )
    return list(db.session.scalars(query))


def describe(
    session: Session, watched: Mapping[str, Known], current: Mapping[str, ServiceReport]
) -> None:
    """Keep what an agent says about where it looks."""
    for name, item in current.items():
        if name in watched and item.target and item.target != watched[name].target:
            session.execute(
                sa.update(_services)
                .where(_services.c.id == watched[name].id)
                .values(target=item.target)
            )


def count(host: Host) -> int:
    query = sa.select(sa.func.count()).select_from(_services)
    return db.session.scalar(query.where(_services.c.host_id == host.id)) or 0


def unreported(host: Host) -> list[Service]:
    """The services that were paused because the host's agent no longer reports them."""
    query = sa.select(Service).where(Service.host_id == host.id, Monitor.status == Status.PAUSED)
    paused = db.session.scalars(query.order_by(Service.id)).all()
    ours = set(_paused_by_us([service.id for service in paused]))
    return [service for service in paused if service.id in ours]


def forget_unreported(user: User, host_id: int) -> int:
    """Delete the services that are no longer reported; return how many."""
    ids = [service.id for service in unreported(scoping.owned(user, Host, host_id))]
    delete_checks(ids)
    with writing() as session:
        host = scoping.owned_for_update(user, Host, host_id, session)
        # One that is reported again meanwhile stays.
        gone = [service for service in unreported(host) if service.id in ids]
        counts.shift(session, delete(session, gone))
    return len(gone)


def of_host(host_id: int) -> sa.Select[Service]:
    return sa.select(Service).where(Service.host_id == host_id).order_by(Service.id)


def delete_checks(ids: Iterable[int]) -> None:
    """Delete the results of services, which may be millions."""
    for service_id in ids:
        delete_where(_checks, _checks.c.service_id == service_id)


def delete_where(table: sa.Table, condition: sa.ColumnElement[bool]) -> None:
    """Delete rows of a table, BATCH in a transaction."""
    gone = BATCH
    while gone == BATCH:
        with writing() as session:
            some = sa.select(table.c.id).where(condition).limit(BATCH)
            deleted = sa.delete(table).where(table.c.id.in_(some)).returning(table.c.id)
            gone = len(session.scalars(deleted).all())


def delete(session: Session, services: Iterable[Service]) -> Counter[CountKey]:
    """Delete services with what is left of them; return by how much the counts change."""
    gone: Counter[CountKey] = Counter()
    for service in services:
        gone[CountKey(service.team_id, "service", service.status)] -= 1
        session.delete(service)
    session.flush()
    return gone
