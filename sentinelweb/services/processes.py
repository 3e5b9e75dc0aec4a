"""The registry of processes: registered, listed, ended (seed 003).

Its heartbeats are recorded by process_beats.py, and its silence is judged by process_watch.py.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.core.beats import is_process_id
from sentinelweb.core.status import Decision, Event, Status, decide
from sentinelweb.db import among, db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import Monitor, Process
from sentinelweb.services import counts, monitors, scoping, transitions
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.facts import process_facts
from sentinelweb.services.monitor_list import ListQuery
from sentinelweb.services.scoping import Actor
from sentinelweb.services.transitions import Transition

KIND = "process"
ENDED = "ended"
MAX_OUTPUT = 10_000
MAX_LISTED = 1_000
FORGOTTEN_AT_ONCE = 200  # each with its history: more would hold up pings


@dataclass(frozen=True, slots=True)
class ProcessValues:
    """What is said of a process when it is registered. `expiry` is in seconds."""

    name: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    environment: str = ""
    expiry: int | None = None
    host: str = ""
    pid: int | None = None
    message: str = ""
    channel_ids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended: cleanly, unless its `exit_status` is another than 0."""

    exit_status: int | None = None
    output: str = ""
    message: str = ""


def register(actor: Actor, values: ProcessValues, *, keep_alive: bool) -> Process:
    """Add a process that is alive from now on, to the actor's own team.

    Without `channel_ids` a long-lived one alerts all channels of the team. Raise NotFoundError for
    a channel of another team.
    """
    now, chosen = clock.now(), settings()
    process_id = _new_id(keep_alive=keep_alive)
    expiry = values.expiry or chosen.process_expiry_seconds
    with writing() as session:
        process = Process(
            team_id=scoping.home_team(actor),
            slug=process_id,
            name=values.name or process_id,
            description=values.description,
            tags=values.tags,
            environment=values.environment,
            keep_alive=keep_alive,
            kept_by_server=keep_alive and chosen.process_keepalive == "server",
            expiry=expiry,
            last_heartbeat=now,
            overdue_at=now + timedelta(seconds=expiry),
            host=values.host,
            pid=values.pid,
            message=values.message,
            status=Status.UP,
        )
        ids = values.channel_ids
        if ids is None and keep_alive:
            ids = [channel.id for channel in monitors.available_channels(process.team_id)]
        monitors.add(session, process, now, ids or ())
    return process


def _new_id(*, keep_alive: bool) -> str:
    """The seed's shape, with 128 bits that nobody guesses."""
    return f"{'Long' if keep_alive else 'Short'}LivedProcess_{secrets.token_urlsafe(16)}"


def get(actor: Actor, process_id: str) -> Process:
    """Raise NotFoundError for an id that is unknown, or of a process of another team."""
    return _owned(actor, process_id, db.session())


def _owned(actor: Actor, process_id: str, session: Session, *, lock: bool = False) -> Process:
    if not is_process_id(process_id):
        raise NotFoundError
    query = sa.select(Process).where(
        Process.slug == process_id, Process.team_id.in_(scoping.team_ids(actor))
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError
    if lock:
        scoping.require(actor, found.team_id, scoping.role_to_change(Process))
    return found


def is_alive(process: Process, now: datetime) -> bool:
    """Whether a heartbeat came within its expiry, and it has not ended (seed 003, `IsAlive`)."""
    expires_at = process.last_heartbeat + timedelta(seconds=process.expiry)
    return process.ended_at is None and process.status == Status.UP and now <= expires_at


def end(actor: Actor, process_id: str, how: End) -> Process:
    """End a process; it is kept as history. Raise NotFoundError if it was ended before.

    A clean end alerts nobody; one with an exit status other than 0 is a failure.
    """
    now = clock.now()
    with writing() as session:
        process = _owned(actor, process_id, session, lock=True)
        if process.is_removed:
            raise NotFoundError
        process.exit_status = how.exit_status
        process.output = how.output[-MAX_OUTPUT:]
        process.message = how.message or process.message
        process.ended_at, process.overdue_at, process.is_removed = now, None, True
        _change(session, process, _decision_of_end(process, how, now), now)
    return process


def _decision_of_end(process: Process, how: End, now: datetime) -> Decision:
    status = Status(process.status)
    if how.exit_status:
        return decide(status, Event.FAILED, None, now, reason=f"exit {how.exit_status}")
    return Decision(Status.PAUSED, ENDED)


def dismiss(actor: Actor, process_id: str) -> str:
    """Delete a process that ended or went down, with its history. Return its name."""
    with writing() as session:
        process = _owned(actor, process_id, session, lock=True)
        if is_alive(process, clock.now()):
            raise NotFoundError
        session.delete(process)
        session.flush()
        counts.shift(session, {CountKey(process.team_id, KIND, process.status): -1})
    return process.name


def forget(before: datetime) -> int:
    """Delete the processes that ended before then, with their history; return how many."""
    deleted = 0
    while True:
        with writing() as session:
            rows = session.execute(
                sa.select(Process.id, Process.team_id, Process.status)
                .where(Process.ended_at < before)
                .order_by(Process.ended_at)
                .limit(FORGOTTEN_AT_ONCE)
                .with_for_update()
            ).all()
            monitors_table = Monitor.__table__
            ids = [row.id for row in rows]
            session.execute(sa.delete(monitors_table).where(among(monitors_table.c.id, ids)))
            gone = Counter(CountKey(row.team_id, KIND, row.status) for row in rows)
            counts.shift(session, {key: -count for key, count in gone.items()})
        deleted += len(rows)
        if len(rows) < FORGOTTEN_AT_ONCE:
            return deleted


def _change(session: Session, process: Process, decision: Decision, now: datetime) -> None:
    previous = Status(process.status)
    facts = process_facts(process, decision.status, now, note=decision.note)
    session.flush()
    transitions.apply(session, [Transition(process.id, previous, decision, facts)], now)
    session.refresh(process)


def find(
    actor: Actor,
    query: ListQuery,
    now: datetime,
    *,
    alive_only: bool = False,
    host: str = "",
    after: int = 0,
    limit: int = MAX_LISTED,
) -> list[Process]:
    """The processes that nobody removed, the oldest first, from the one after the id `after`."""
    conditions = [
        Process.team_id.in_(scoping.team_ids(actor)),
        Process.id > after,
        Process.is_removed.is_(False),
        *query.conditions(),
    ]
    if alive_only:
        conditions += [Process.overdue_at >= now, Process.status == Status.UP]
    if host:
        conditions.append(Process.host == host)
    found = sa.select(Process).where(*conditions).order_by(Process.id).limit(limit)
    return list(db.session.scalars(found))
