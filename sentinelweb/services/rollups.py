"""Results and figures summed up: every row exactly once, in short transactions.

Results are summed up in stretches of ids, and a stretch service by service, in pieces. The mark
moves on in the transaction that adds a piece to the sums, so that neither a crash nor a second
worker adds anything twice. Rows land in the bucket of their own time, however late they come.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.db import db, writing
from sentinelweb.models import (
    HostRollup,
    Monitor,
    MonitoringCycle,
    RollupMark,
    Service,
    ServiceCheck,
    ServiceRollup,
    TeamRollup,
)
from sentinelweb.services import figures

LEVELS = (60, 600, 3_600, 86_400)  # seconds of a bucket; the days are those of UTC

STRETCH = 20_000  # ids
PIECE = 500  # results of one transaction, or those of one service: more would hold up pings
PATIENCE = 5.0  # seconds to wait for transactions that may still add results to a stretch

CYCLES = 500  # of one transaction
SETTLED = timedelta(seconds=30)  # after its end a cycle's relay has been answered
GIVEN_UP = timedelta(minutes=10)  # a cycle without an end by then has lost its worker

_RESULTS = "service_checks"
_HOSTS = "monitoring_cycles"

_checks: sa.Table = ServiceCheck.__table__
_cycles: sa.Table = MonitoringCycle.__table__
_services: sa.Table = Service.__table__
_monitors: sa.Table = Monitor.__table__
_marks: sa.Table = RollupMark.__table__


def run() -> dict[str, int]:
    """Sum up all that is new; return how many results and cycles that were."""
    return {"results": _sum_results(), "cycles": _sum_cycles(clock.now())}


def summed_upto() -> int:
    """Results with an id up to this one are summed up."""
    mark = sa.select(_marks.c.last_id).where(_marks.c.source == _RESULTS)
    return db.session.scalar(mark) or 0


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Results after `last_id` up to `upto_id`, of the services after `service_id`."""

    last_id: int
    upto_id: int
    service_id: int

    @property
    def is_empty(self) -> bool:
        return self.last_id == self.upto_id


def _sum_results() -> int:
    settled, summed = _settled_id(), 0
    while not (stretch := _open_stretch(settled)).is_empty:
        after = stretch.service_id
        for upto, count in _pieces(stretch):
            if not _sum_piece(stretch, after, upto):
                break  # another worker did it: see how far it came
            after = upto or 0
            summed += count
    return summed


def _settled_id() -> int:
    """An id up to which no result will appear any more.

    PostgreSQL gives out ids before it commits: a smaller one may become visible after a larger.
    Whoever may still commit one below the largest that is visible now holds a lock on the table
    now, so once those are gone, nothing is missing. SQLite has one writer at a time.
    """
    newest = db.session.scalar(sa.select(sa.func.max(_checks.c.id))) or 0
    if db.engine.dialect.name == "postgresql":
        writers, deadline = _writers(), time.monotonic() + PATIENCE
        while writers & _writers():
            if time.monotonic() > deadline:
                return summed_upto()
            db.session.commit()
            time.sleep(0.02)
    db.session.commit()
    return newest


def _writers() -> set[str]:
    """The transactions that hold the lock of those who write into service_checks."""
    query = sa.text(
        "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted"
        " AND relation = CAST('service_checks' AS regclass) AND mode = 'RowExclusiveLock'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return set(db.session.scalars(query))


def _open_stretch(settled: int) -> _Stretch:
    """What a worker left unfinished, else the next results up to `settled`."""
    own = _marks.c.source == _RESULTS
    query = sa.select(_marks.c.last_id, _marks.c.upto_id, _marks.c.service_id).where(own)
    found = db.session.execute(query).one_or_none()
    stretch = _Stretch(*found) if found else _Stretch(0, 0, 0)
    if not stretch.is_empty or stretch.last_id >= settled:
        return stretch
    with writing() as session:
        session.execute(_if_new(_RESULTS, session))
        session.execute(
            sa.update(_marks)
            .where(own, _marks.c.last_id == stretch.last_id, _marks.c.upto_id == stretch.last_id)
            .values(upto_id=min(settled, stretch.last_id + STRETCH), service_id=0)
        )
        return _Stretch(*session.execute(query).one())


def _pieces(stretch: _Stretch) -> list[tuple[int | None, int]]:
    """The last service of each piece, None for all that remain, and how many results it holds."""
    rows = db.session.execute(
        sa.select(_checks.c.service_id, sa.func.count())
        .where(*_within(stretch, stretch.service_id, None))
        .group_by(_checks.c.service_id)
        .order_by(_checks.c.service_id)
    ).all()
    pieces: list[tuple[int | None, int]] = []
    size = 0
    for service_id, count in rows:
        size += count
        if size >= PIECE:
            pieces.append((service_id, size))
            size = 0
    return [*pieces, (None, size)]


def _within(stretch: _Stretch, after: int, upto: int | None) -> list[sa.ColumnElement[bool]]:
    # The addition keeps databases from finding a day's rows of each service by their index.
    service_id = _checks.c.service_id + 0
    conditions = [_checks.c.id > stretch.last_id, _checks.c.id <= stretch.upto_id]
    conditions.append(service_id > after)
    return conditions if upto is None else [*conditions, service_id <= upto]


def _sum_piece(stretch: _Stretch, after: int, upto: int | None) -> bool:
    """Add the results of the services after `after` up to `upto`; False if that has been done."""
    done = {"last_id": stretch.upto_id, "service_id": 0} if upto is None else {"service_id": upto}
    with writing() as session:
        moved = session.scalar(
            sa.update(_marks)
            .where(
                _marks.c.source == _RESULTS,
                _marks.c.last_id == stretch.last_id,
                _marks.c.upto_id == stretch.upto_id,
                _marks.c.service_id == after,
            )
            .values(done)
            .returning(_marks.c.source)
        )
        if moved is None:
            return False
        # A service that is being deleted now is waited for, and then has no results any more.
        ids = sa.select(_services.c.id).where(_services.c.id > after).order_by(_services.c.id)
        ids = ids if upto is None else ids.where(_services.c.id <= upto)
        session.execute(ids.with_for_update(read=True, key_share=True)).all()
        chosen = _within(stretch, after, upto)
        _add(session, ServiceRollup.__table__, _minutes_of_services(chosen))
        _add(session, TeamRollup.__table__, _minutes_of_teams(chosen))
    return True


def _minutes_of_services(chosen: Iterable[sa.ColumnElement[bool]]) -> sa.CTE:
    minute = figures.start_of(_checks.c.created_at, LEVELS[0])
    return (
        sa.select(_checks.c.service_id, minute.label("bucket_at"), *figures.of_results())
        .where(*chosen)
        .group_by(_checks.c.service_id, minute)
        .cte("minutes")
    )


def _minutes_of_teams(chosen: Iterable[sa.ColumnElement[bool]]) -> sa.CTE:
    minute = figures.start_of(_checks.c.created_at, LEVELS[0])
    host_id = figures.host_of_results()
    return (
        sa.select(
            _monitors.c.team_id,
            host_id.label("host_id"),
            minute.label("bucket_at"),
            *figures.of_results(),
        )
        .select_from(_checks.join(_services, _services.c.id == _checks.c.service_id))
        .join(_monitors, _monitors.c.id == _services.c.id)
        .where(*chosen)
        .group_by(_monitors.c.team_id, host_id, minute)
        .cte("minutes")
    )


def _sum_cycles(now: datetime) -> int:
    summed = 0
    while found := _sum_some_cycles(now):
        summed += found
    return summed


def _sum_some_cycles(now: datetime) -> int:
    over = sa.or_(_cycles.c.batches_left == 0, _cycles.c.created_at <= now - GIVEN_UP)
    query = (
        sa.select(_cycles.c.id, _cycles.c.created_at, _cycles.c.cycle_duration_ms)
        .where(~_cycles.c.summed, _cycles.c.created_at <= now - SETTLED, over)
        .order_by(_cycles.c.created_at, _cycles.c.id)
        .limit(CYCLES)
    )
    if not db.session.execute(query.limit(1)).all():
        return 0
    with writing() as session:
        session.execute(_if_new(_HOSTS, session))
        # One worker at a time: two would wait for each other's sums.
        session.execute(sa.select(_marks).where(_marks.c.source == _HOSTS).with_for_update())
        ids = [
            row.id
            for row in session.execute(query)
            if row.created_at + timedelta(milliseconds=row.cycle_duration_ms or 0) <= now - SETTLED
        ]
        chosen = _cycles.c.id.in_(ids)
        _add(session, HostRollup.__table__, _minutes_of_hosts(chosen))
        session.execute(sa.update(_cycles).where(chosen).values(summed=True))
    return len(ids)


def _minutes_of_hosts(chosen: sa.ColumnElement[bool]) -> sa.CTE:
    minute = figures.start_of(_cycles.c.created_at, LEVELS[0])
    return (
        sa.select(_cycles.c.host_id, minute.label("bucket_at"), *figures.of_cycles())
        .where(chosen)
        .group_by(_cycles.c.host_id, minute)
        .cte("minutes")
    )


def _add(session: Session, table: sa.Table, minutes: sa.CTE) -> None:
    """Add the sums of `minutes` to the rows of `table`, at every level."""
    keys = [column.name for column in minutes.c if column.name in table.primary_key]
    keys.remove("bucket_at")
    summed = figures.columns(table)

    def level(resolution: int) -> sa.Select[Any]:
        bucket = figures.start_of(minutes.c.bucket_at, resolution)
        return sa.select(
            *(minutes.c[key] for key in keys),
            sa.literal_column(str(resolution), sa.Integer).label("resolution"),
            bucket.label("bucket_at"),
            *figures.together(minutes.c[column.name] for column in summed),
        ).group_by(*(minutes.c[key] for key in keys), bucket)

    rows = sa.union_all(*map(level, LEVELS)).subquery()
    insert = _insert(table, session)
    session.execute(
        insert.from_select(
            rows.c.keys(),
            # Without a condition SQLite takes ON for the beginning of a join's.
            sa.select(rows).where(sa.true()).order_by(*(rows.c[name] for name in keys)),
        ).on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={
                column.name: figures.joined(column, insert.excluded[column.name], column.name)
                for column in summed
            },
        )
    )


def _if_new(source: str, session: Session) -> sa.Insert:
    return _insert(_marks, session).values(source=source).on_conflict_do_nothing()


def _insert(table: sa.Table, session: Session) -> postgresql.Insert | sqlite.Insert:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)  # type: ignore[no-any-return] # mypy joins the two modules
