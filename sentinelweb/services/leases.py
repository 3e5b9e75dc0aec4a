"""Which services are due, and who looks at them.

A claim is a lease: it moves `next_check_at` to the lease's end, so that what is lost on the way, be
it a job or a worker, comes due again by itself. `claimed_at` is the lease's token: whoever finds
another one there has lost it. While a service waits for its turn the lease is long, because nobody
renews it; while it is looked at the lease is short and renewed, because workers may be killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.status import Status
from sentinelweb.db import among, db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import Monitor, Service
from sentinelweb.probes.base import Target

BATCH = 500  # larger transactions would hold pings up for longer
WAITING_LEASE = timedelta(minutes=10)
LEASE = timedelta(seconds=10)  # renewed while the worker lives

TOLERANCE = timedelta(seconds=2)  # a cycle begins a moment after its time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_monitors = Monitor.__table__
_services = Service.__table__


class Due(NamedTuple):
    """A service to be looked at, and the kind of the Probe for it."""

    id: int
    probe: str
    target: Target


@dataclass(frozen=True, slots=True)
class Lag:
    """How many services are overdue by more than a cycle, and the oldest since when."""

    services: int
    since: datetime


_DUE = tuple(_services.c[name] for name in ("id", "probe", "target", "options", "timeout"))


def claim(session: Session, now: datetime, *, limit: int) -> list[int]:
    """Lease up to `limit` services that are due at `now`, the longest overdue first.

    Any number of claimers may be at it, and each service goes to one of them. `now` is the lease's
    token. Needs a transaction of `writing()`.
    """
    ids = session.scalars(
        sa.select(_services.c.id)
        .where(_services.c.next_check_at <= now)
        .order_by(_services.c.next_check_at)
        .limit(limit)
        # Another claimer, or somebody's edit, holds what is skipped. NO KEY UPDATE, because whoever
        # writes rows that refer to a service, such as sums of its results, does not hold it.
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    if ids:
        session.execute(
            sa.update(_services)
            .where(among(_services.c.id, ids))
            .values(claimed_at=now, next_check_at=now + WAITING_LEASE)
        )
    return list(ids)


def count_due(now: datetime) -> int:
    """How many services are due at `now`."""
    due = db.session.scalar(sa.select(sa.func.count()).where(_services.c.next_check_at <= now))
    db.session.commit()
    return due or 0


def begin(ids: Sequence[int], token: datetime, now: datetime) -> list[Due]:
    """Those of the claimed `ids` whose lease still holds: it does from now on for LEASE."""
    with writing() as session:
        session.execute(_renewal(ids, token, now))
    # Not by RETURNING: hundreds of rows would be read while the database is held.
    mine = sa.select(*_DUE).where(_holds(ids, token))
    rows = db.session.execute(mine).all()
    db.session.commit()
    return _due(rows)


def renew(ids: Sequence[int], token: datetime, now: datetime) -> None:
    """Go on looking at `ids`: their lease lasts from now on for LEASE."""
    with writing() as session:
        session.execute(_renewal(ids, token, now))


def load(ids: Sequence[int]) -> list[Due]:
    """Those of `ids` that we look at ourselves, whether they are due or not."""
    rows = db.session.execute(
        sa.select(*_DUE)
        .join(_monitors, _monitors.c.id == _services.c.id)
        .where(
            among(_services.c.id, ids),
            _services.c.host_id.is_(None),
            _monitors.c.status != Status.PAUSED,
        )
    ).all()
    db.session.commit()  # not to hold an old snapshot while we look
    return _due(rows)


def release_leases(now: datetime) -> int:
    """Let everything that is claimed be due at `now`: its workers are gone. Return how many."""
    return _release(now, _services.c.claimed_at.is_not(None))


def release_all(now: datetime) -> int:
    """Let be due at `now` whatever is to be looked at later. Return how many."""
    return _release(now, _services.c.next_check_at > now)


def release_waiting(now: datetime, *, claimed_before: datetime) -> int:
    """Let be due at `now` what was claimed and has waited since. Return how many."""
    return _release(
        now,
        sa.and_(_services.c.claimed_at < claimed_before, _services.c.next_check_at > now + LEASE),
    )


def give_back(session: Session, ids: Sequence[int], now: datetime) -> None:
    """End the leases of `ids`, which are due at `now`, unless they are not to be probed at all."""
    mine = among(_services.c.id, ids)
    session.execute(
        sa.update(_services)
        .where(mine)
        .values(
            claimed_at=None,
            next_check_at=sa.case((_services.c.next_check_at.is_not(None), now)),
        )
    )


def _release(now: datetime, condition: sa.ColumnElement[bool]) -> int:
    released = 0
    while True:
        with writing() as session:
            ids = session.scalars(
                sa.select(_services.c.id)
                .where(condition)
                .limit(BATCH)
                .with_for_update(key_share=True, skip_locked=True)
            ).all()
            if ids:
                give_back(session, ids, now)
        released += len(ids)
        if len(ids) < BATCH:
            return released


def next_slot(now: datetime, interval: int) -> datetime:
    """The first multiple of `interval` seconds since the epoch that is later than `now`."""
    seconds = int((now - _EPOCH).total_seconds())
    return _EPOCH + timedelta(seconds=seconds - seconds % interval + interval)


def lag(now: datetime) -> Lag | None:
    """Whether probing keeps up: two reads of an index, and as quick as few are overdue."""
    limit = now - timedelta(seconds=settings().loop_interval_seconds) - TOLERANCE
    services, earliest = 0, []
    for column, condition in (
        (_services.c.claimed_at, sa.true()),
        (_services.c.next_check_at, _services.c.claimed_at.is_(None)),
    ):
        count, first = db.session.execute(
            sa.select(sa.func.count(), sa.func.min(column)).where(column < limit, condition)
        ).one()
        services += count
        earliest += [first] if first else []
    return Lag(services, min(earliest)) if services else None


def _due(rows: Iterable[sa.Row[Any]]) -> list[Due]:
    seconds = settings().service_timeout_seconds
    return [
        Due(row.id, row.probe, Target(row.target, row.options or {}, row.timeout or seconds))
        for row in rows
    ]


def _renewal(ids: Sequence[int], token: datetime, now: datetime) -> sa.Update:
    return sa.update(_services).where(_holds(ids, token)).values(next_check_at=now + LEASE)


def _holds(ids: Sequence[int], token: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        among(_services.c.id, ids),
        _services.c.claimed_at == token,
        _services.c.next_check_at.is_not(None),
    )
