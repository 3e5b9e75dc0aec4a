"""What becomes of an agent's report: a sign of life, a recovery, cycles and results.

Each step commits by itself, as seed 004's receiver had them, so that its answer tells how far a
report came (seed 002, `worker_status`).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from sentinelweb.core.credentials import hash_of
from sentinelweb.core.host_reports import MAX_SERVICES, CycleReport, HostReport
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.core.uids import CHANCE_BITS, time_ordered_uuid
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import Host, Monitor, MonitoringCycle
from sentinelweb.services import host_services, probing, transitions
from sentinelweb.services.facts import host_facts
from sentinelweb.services.probing import Found
from sentinelweb.services.transitions import Transition

log = structlog.get_logger(__name__)

# How far an agent's clock may be from ours: else our own time is that of its report.
CLOCK_TOLERANCE = timedelta(minutes=1)

_hosts = Host.__table__
_monitors = Monitor.__table__
_cycles = MonitoringCycle.__table__


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent is told: the seed's code and word, and what ours wants to know.

    `stored` is false if cycles and results are to be sent again; `ignored` is how many services
    found no room.
    """

    code: int
    status: str
    stored: bool
    ignored: int = 0


def host_of(key: str) -> int | None:
    """The id of the host whose key this is.

    An index finds the key's hash: how long that takes says nothing about the key.
    """
    return db.session.scalar(sa.select(_hosts.c.id).where(_hosts.c.key_hash == hash_of(key)))


def record(host_id: int, report: HostReport, now: datetime) -> Answer:
    """Take in a report that arrived at `now`, as far as the database lets us."""
    try:
        _note(host_id, report, now)
    except SQLAlchemyError as error:
        _tell("report_not_noted", host_id, error)
        return Answer(500, "error", stored=False)
    code, status = _greet(host_id, now)
    try:
        ignored = _store(host_id, report, now)
    except SQLAlchemyError as error:
        _tell("report_not_stored", host_id, error)
        if code == 200:
            return Answer(500, "error", stored=False)
        return Answer(code, status, stored=False)
    return Answer(code, status, stored=True, ignored=ignored)


def _tell(event: str, host_id: int, error: SQLAlchemyError) -> None:
    """Log an error that the agent is told of by a code, and let the next step begin afresh.

    In a line: while the database is away, this is said as often as all agents report.
    """
    db.session.rollback()
    log.warning(event, host=host_id, error=str(getattr(error, "orig", error)))


def _note(host_id: int, report: HostReport, now: datetime) -> None:
    """The first write: that the host was heard of."""
    with writing() as session:
        silent_after = session.scalar(
            sa.select(_hosts.c.silent_after).where(_hosts.c.id == host_id).with_for_update()
        )
        values = {"agent": report.agent} if report.agent else {}
        session.execute(
            sa.update(_hosts)
            .where(_hosts.c.id == host_id)
            .values(
                last_report_at=now,
                overdue_at=now + timedelta(seconds=silent_after or 0),
                **values,
            )
        )


def _greet(host_id: int, now: datetime) -> tuple[int, str]:
    """End the host's silence, if it was silent; return the seed's code and word."""
    try:
        previous = db.session.scalar(sa.select(_monitors.c.status).where(_monitors.c.id == host_id))
        db.session.commit()
    except SQLAlchemyError as error:
        _tell("previous_status_not_read", host_id, error)
        return 220, "blind"
    if previous in {None, Status.UP}:
        return 200, "recorded"
    try:
        recovered = _recover(host_id, now)
    except SQLAlchemyError as error:
        _tell("recovery_not_stored", host_id, error)
        return (221, "partial") if previous == Status.DOWN else (200, "recorded")
    return 200, "recovered" if recovered else "recorded"


def _recover(host_id: int, now: datetime) -> bool:
    """Bring the host up, with the alert if it was down. A paused one stays paused."""
    with writing() as session:
        host = session.scalar(
            sa.select(Host)
            .where(Host.id == host_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if host is None:  # deleted meanwhile
            return False
        previous = Status(host.status)
        decision = decide(previous, Event.ANSWERED, None, now)
        if decision.status is Status.PAUSED:
            host.overdue_at = None
        facts = host_facts(host, decision.status, now, note=decision.note)
        change = Transition(host_id, previous, decision, facts)
        applied = transitions.apply(session, [change], now)
        return previous is Status.DOWN and bool(applied.monitor_ids)


def _store(host_id: int, report: HostReport, now: datetime) -> int:
    """Store what was found; return how many services found no room."""
    current = report.current.services
    known = host_services.known(host_id)
    new = [name for name in current if name not in known][: max(0, MAX_SERVICES - len(known))]
    if new:
        host_services.add(host_id, {name: current[name] for name in new}, now)
    host_services.keep_watched(known, current, now)
    if new or any(item.status == Status.PAUSED for item in known.values()):
        known = host_services.known(host_id)
    with writing() as session:
        # Locked, so that of two copies of a report the second finds what the first stored.
        team_id = session.scalar(
            sa.select(_hosts.c.id).where(_hosts.c.id == host_id).with_for_update()
        )
        if team_id is None:
            return 0
        host_services.describe(session, known, current)
        cycles = _cycles_of(report, now)
        present = _present(session, host_id, [at for at, _cycle in cycles])
        # The present one first: to the results before it, what is known is younger then.
        for at, cycle in cycles:
            if at in present:
                continue
            present.add(at)
            cycle_id = _add_cycle(session, host_id, cycle, at)
            found = [
                Found(known[name].id, item.found, at)
                for name, item in cycle.services.items()
                if name in known
            ]
            probing.record(found, cycle_id=cycle_id)
    return len(current.keys() - known.keys())


def _cycles_of(report: HostReport, now: datetime) -> list[tuple[datetime, CycleReport]]:
    """Each cycle with its time, the present one first.

    Left out are a present one that says nothing, those older than cycles are kept, and those of the
    future: that clock was wrong.
    """
    at = report.current.at
    if at is None or abs(at - now) > CLOCK_TOLERANCE:
        at = now
    oldest = now - timedelta(days=settings().cycle_retention_days)
    past = [
        (cycle.at, cycle)
        for cycle in report.backlog
        if cycle.at and oldest < cycle.at <= now + CLOCK_TOLERANCE
    ]
    return past if report.current.is_empty else [(at, report.current), *past]


def _present(session: Session, host_id: int, times: Sequence[datetime]) -> set[datetime]:
    """Those of `times` of which the host has a cycle already."""
    query = sa.select(_cycles.c.created_at).where(
        _cycles.c.host_id == host_id, _cycles.c.created_at.in_(times)
    )
    return set(session.scalars(query))


def _add_cycle(session: Session, host_id: int, cycle: CycleReport, at: datetime) -> str:
    cycle_id = str(time_ordered_uuid(at, secrets.randbits(CHANCE_BITS)))
    session.execute(
        sa.insert(_cycles).values(
            id=cycle_id,
            host_id=host_id,
            created_at=at,
            services_due=len(cycle.services),
            services_late=0,
            batches_left=0,
            **asdict(cycle.figures),
        )
    )
    return cycle_id
