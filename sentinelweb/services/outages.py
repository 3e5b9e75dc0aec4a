"""SentinelWeb's own outages: nobody is declared down for a ping that we could not have received.

A web process shows every second that pings can be received. While none does, the audit judges as of
the last sign; when one does again, the time between is an Outage, and the deadlines that fell into
it are moved before anything is judged. The pages show signs of their own, for the hosts that report
to them. A clock that leaps forward, and a machine that slept, look
the same and are treated the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from sentinelweb.core import runs
from sentinelweb.core.schedule import Deadlines, Schedule, forgive
from sentinelweb.core.silence import Span
from sentinelweb.core.status import Status, overdue_at
from sentinelweb.db import db, writing
from sentinelweb.models import Component, HeartbeatCheck, Outage, PagesOutage

log = structlog.get_logger(__name__)

AnyOutage = TypeVar("AnyOutage", Outage, PagesOutage)

WEB = "web"
PAGES = "pages"
SIGN_EVERY = timedelta(seconds=1)
SILENT_AFTER = timedelta(seconds=5)
BATCH = 500
RECENT = 20


def sign_of_web(now: datetime) -> Outage | None:
    """Record that pings can be received at `now`; return the outage that this ends, if any."""
    return _sign(WEB, Outage, now)


def sign_of_pages(now: datetime) -> PagesOutage | None:
    """Record that hosts can report at `now`; return the outage that this ends, if any.

    Each worker of gunicorn calls it, and the sign of one is enough.
    """
    seen_at = db.session.scalar(sa.select(Component.seen_at).where(Component.name == PAGES))
    if seen_at is not None and timedelta() <= now - seen_at < SIGN_EVERY:
        return None
    return _sign(PAGES, PagesOutage, now)


def _sign(name: str, model: type[AnyOutage], now: datetime) -> AnyOutage | None:
    with writing() as session:
        part = session.get(Component, name, with_for_update=True, populate_existing=True)
        if part is None:
            _first_sign(session, name, now)
            return None
        silence = now - part.seen_at
        outage = None
        if silence > SILENT_AFTER:
            outage = model(began_at=part.seen_at, ended_at=now)
            session.add(outage)
            log.warning(
                "outage_ended",
                part=name,
                began_at=part.seen_at.isoformat(),
                seconds=round(silence.total_seconds(), 1),
            )
        part.seen_at = now
    return outage


def _first_sign(session: Session, name: str, now: datetime) -> None:
    """Several processes may start at once on an empty database."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(Component.__table__).values(name=name, seen_at=now)
    session.execute(insert.on_conflict_do_nothing())


def judged_until(now: datetime, *, through_pages: bool = False) -> datetime:
    """The moment as of which the audit may judge: `now`, or the last sign of a silent web.

    `through_pages` is for those who report to the pages, which can be silent alone. Before the
    first sign ever there is nothing to go by, and `now` it is.
    """
    names = (WEB, PAGES) if through_pages else (WEB,)
    signs = db.session.scalars(sa.select(Component.seen_at).where(Component.name.in_(names)))
    return min((seen_at for seen_at in signs if now - seen_at > SILENT_AFTER), default=now)


def settle() -> int:
    """Move the deadlines that fell into outages not settled yet. Return how many were moved."""
    moved = 0
    pending = sa.select(Outage.id).where(Outage.settled_at.is_(None)).order_by(Outage.id)
    for outage_id in db.session.scalars(pending).all():
        settled = False
        while not settled:
            with writing() as session:
                outage = session.get(
                    Outage, outage_id, with_for_update=True, populate_existing=True
                )
                if outage is None or outage.settled_at:
                    break
                count = _extend_batch(session, outage)
                if count < BATCH:
                    outage.settled_at = outage.ended_at
                    settled = True
            moved += count
        log.info("outage_settled", outage=outage_id, heartbeats=moved)
    return moved


def _extend_batch(session: Session, outage: Outage) -> int:
    """Move the deadlines of the next heartbeats by id that the outage concerns."""
    heartbeats = session.scalars(
        sa.select(HeartbeatCheck)
        .where(
            HeartbeatCheck.id > outage.extended_to,
            sa.or_(
                HeartbeatCheck.overdue_at.between(outage.began_at, outage.ended_at),
                HeartbeatCheck.status == Status.LATE,
                HeartbeatCheck.run_down_at.is_not(None),
            ),
        )
        .order_by(HeartbeatCheck.id)
        .limit(BATCH)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for heartbeat in heartbeats:
        _extend(heartbeat, outage)
        heartbeat.overdue_at = overdue_at(Status(heartbeat.status), heartbeat.deadlines)
        outage.extended_to = heartbeat.id
    outage.extended_count += len(heartbeats)
    return len(heartbeats)


def _extend(heartbeat: HeartbeatCheck, outage: Outage) -> None:
    """Give new deadlines to a heartbeat that the outage concerns.

    A run may have ended unheard: only those that began later are still waited for.
    """
    late_at, down_at = heartbeat.next_expected_ping, heartbeat.down_at
    if late_at and down_at:
        deadlines = forgive(
            heartbeat.schedule, Deadlines(late_at, down_at), outage.began_at, outage.ended_at
        )
        heartbeat.next_expected_ping, heartbeat.down_at = deadlines.late_at, deadlines.down_at
    left = runs.begun_after(heartbeat.runs or {}, outage.ended_at)
    heartbeat.runs = left or None
    heartbeat.run_down_at = runs.must_end_by(left, heartbeat.grace_period)


def deadlines_since(session: Session, schedule: Schedule, counted_from: datetime) -> Deadlines:
    """What `schedule` expects after a ping at `counted_from`, our outages since then forgiven."""
    deadlines = schedule.deadlines(counted_from)
    query = sa.select(Outage.began_at, Outage.ended_at).where(Outage.ended_at > counted_from)
    for began_at, ended_at in session.execute(query.order_by(Outage.ended_at)):
        deadlines = forgive(schedule, deadlines, began_at, ended_at)
    return deadlines


def deaf_spans(since: datetime, *, through_pages: bool = False) -> list[Span]:
    """When we could hear nobody, in its order, of what ended after `since`.

    `through_pages` is for those who report to the pages. Two web processes may have noticed the
    same outage, which is one span; that of the pages is mostly part of one of all.
    """
    models = (Outage, PagesOutage) if through_pages else (Outage,)
    found: list[Span] = []
    for model in models:
        query = sa.select(model.began_at, model.ended_at).where(model.ended_at > since)
        found += [(began_at, ended_at) for began_at, ended_at in db.session.execute(query)]
    spans: list[Span] = []
    for began_at, ended_at in sorted(found):
        if spans and began_at <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], ended_at)
        else:
            spans.append((began_at, ended_at))
    return spans


def recent(since: datetime) -> list[Outage]:
    """The outages that ended after `since`, latest first, for the dashboard; at most RECENT."""
    query = sa.select(Outage).order_by(Outage.id.desc()).limit(RECENT)
    return [outage for outage in db.session.scalars(query) if outage.ended_at > since]
