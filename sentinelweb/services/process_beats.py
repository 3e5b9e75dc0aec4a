"""Heartbeats of processes, recorded in groups as pings are, acknowledged after the commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.beats import Beat, BeatReceipt
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.db import writing
from sentinelweb.models import ApiKey, Monitor, Process
from sentinelweb.services import transitions
from sentinelweb.services.facts import MONITOR_COLUMNS, process_facts
from sentinelweb.services.transitions import Transition

_monitors = Monitor.__table__
_processes = Process.__table__
_keys = ApiKey.__table__
_told = ("progress", "message", "pid", "host")


def record(beats: Sequence[Beat]) -> list[BeatReceipt | None]:
    """Store `beats` in one transaction; None for a process that is unknown, or not the sender's.

    A process that went down is up again. One that ended has nothing more to say.
    """
    with writing() as session:
        rows = _rows(session, {beat.process_id for beat in beats})
        teams = _teams_of_keys(session, {beat.key_hash for beat in beats if beat.key_hash})
        receipts: list[BeatReceipt | None] = []
        values: dict[int, dict[str, Any]] = {}
        for beat in beats:
            row = rows.get(beat.process_id)
            if row is None or (beat.key_hash and teams.get(beat.key_hash) != row.team_id):
                receipts.append(None)
                continue
            known = values.setdefault(row.id, {name: getattr(row, name) for name in _told})
            known.update(
                {name: told for name in _told if (told := getattr(beat, name)) is not None}
            )
            known["last_heartbeat"] = beat.received_at
            receipts.append(BeatReceipt(beat.process_id, beat.received_at, Status.UP))
        _write(session, rows, values)
    return receipts


def _rows(session: Session, slugs: set[str]) -> dict[str, sa.Row[Any]]:
    """What the processes under way are, in the order of their ids so that two groups never wait
    for each other.
    """
    found = session.execute(
        sa.select(*MONITOR_COLUMNS, _monitors.c.team_id, _processes)
        .join(_processes, _processes.c.id == _monitors.c.id)
        .where(_monitors.c.slug.in_(slugs))
        .order_by(_monitors.c.id)
        .with_for_update(key_share=True)
    )
    # Left to us: PostgreSQL would begin with those, of which there are thousands.
    return {row.slug: row for row in found if row.ended_at is None}


def _teams_of_keys(session: Session, hashes: set[str]) -> dict[str, int]:
    """The team of each of the keys that may write."""
    if not hashes:
        return {}
    query = sa.select(_keys.c.key_hash, _keys.c.team_id).where(
        _keys.c.key_hash.in_(hashes), _keys.c.can_write
    )
    return {row.key_hash: row.team_id for row in session.execute(query)}


def _write(
    session: Session, rows: Mapping[str, sa.Row[Any]], values: Mapping[int, dict[str, Any]]
) -> None:
    changes, updates, now = [], [], None
    for row in rows.values():
        known = values.get(row.id)
        if known is None:
            continue
        now = known["last_heartbeat"]
        paused = row.status == Status.PAUSED
        overdue_at = None if paused else now + timedelta(seconds=row.expiry)
        updates.append({"of": row.id, "overdue": overdue_at, **known})
        decision = decide(Status(row.status), Event.ANSWERED, None, now)
        facts = (
            process_facts(row, decision.status, now, note=decision.note) if decision.alert else {}
        )
        changes.append(Transition(row.id, Status(row.status), decision, facts))
    if not updates or now is None:
        return
    statement = sa.update(_processes).where(_processes.c.id == sa.bindparam("of"))
    session.connection().execute(
        statement.values(
            overdue_at=sa.bindparam("overdue"),
            **{name: sa.bindparam(name) for name in (*_told, "last_heartbeat")},
        ),
        updates,
    )
    transitions.apply(session, changes, now)
