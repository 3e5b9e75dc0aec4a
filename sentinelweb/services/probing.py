"""What becomes of results: records, the services' latest state, and after debounce their status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.debounce import judge
from sentinelweb.core.results import ProbeResult
from sentinelweb.core.status import Status
from sentinelweb.db import among, writing
from sentinelweb.extensions import settings
from sentinelweb.models import Monitor, Service
from sentinelweb.models.service import RECENT_RESULTS
from sentinelweb.services import result_rows, transitions
from sentinelweb.services.facts import MONITOR_COLUMNS, ServiceRow, service_facts
from sentinelweb.services.leases import next_slot
from sentinelweb.services.transitions import Transition

BATCH = 250  # results of a commit: larger ones would hold pings up for longer
MAX_REASON = 300

_monitors = Monitor.__table__
_services = Service.__table__


class Found(NamedTuple):
    """What was found at a service at the instant `at`."""

    service_id: int
    result: ProbeResult
    at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many results were stored, how many statuses changed, how many alerts are promised."""

    results: int = 0
    changes: int = 0
    alerts: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(
            self.results + other.results,
            self.changes + other.changes,
            self.alerts + other.alerts,
        )


def record(
    found: Sequence[Found], *, cycle_id: str | None = None, token: datetime | None = None
) -> Recorded:
    """Store results and what follows from them, BATCH in a commit.

    A result that is older than the service's latest goes to the records and changes nothing else;
    one of the same instant is the same, told twice. Results of services that were deleted or paused
    meanwhile are dropped. With the `token` of a lease (see leases.py) results end it, and count
    only while it holds: the service may have been edited since.
    """
    recorded = Recorded()
    ordered = sorted(map(_storable, found), key=lambda item: (item.at, item.service_id))
    for start in range(0, len(ordered), BATCH):
        with writing() as session:
            recorded += _record_batch(session, ordered[start : start + BATCH], cycle_id, token)
    return recorded


def _storable(item: Found) -> Found:
    """PostgreSQL takes no NUL and minds the length, and an agent may send any reason."""
    reason = item.result.reason.replace("\0", "")[:MAX_REASON]
    if reason == item.result.reason:
        return item
    return item._replace(result=replace(item.result, reason=reason))


@dataclass(slots=True)
class _State:
    """What is known of a service; the columns of the same names, and `status` of its monitor."""

    id: int
    status: Status
    interval: int
    threshold: int
    next_check_at: datetime | None
    claimed_at: datetime | None
    last_check_at: datetime | None
    failures: int
    recent: str
    certificate_expires_at: datetime | None
    last: ProbeResult | None = None


def _record_batch(
    session: Session, found: Sequence[Found], cycle_id: str | None, token: datetime | None
) -> Recorded:
    states = _lock(session, {item.service_id for item in found})
    if token is not None:
        states = {id_: state for id_, state in states.items() if state.claimed_at == token}
    kept = [item for item in found if _counts(item, states.get(item.service_id))]
    if not kept:
        return Recorded()
    recorded = Recorded(results=len(kept))
    for wave in _waves(kept):
        changes = [
            change for item in wave if (change := _judge(states[item.service_id], item)) is not None
        ]
        if changes:
            recorded += _change(session, changes, wave[-1].at)
    if token is not None:
        for state in states.values():
            if state.next_check_at is not None:
                state.next_check_at = next_slot(token, state.interval)
            state.claimed_at = None
    updated = [_columns(state, state.last) for state in states.values() if state.last]
    if updated:  # else all are older than what is known
        result_rows.update(session, updated)
    result_rows.insert(
        session,
        [
            {
                "service_id": item.service_id,
                "cycle_id": cycle_id,
                "created_at": item.at,
                "status": item.result.result,
                "latency_ms": item.result.latency_ms,
                "status_code": item.result.status_code,
                "error_message": item.result.reason,
            }
            for item in kept
        ],
    )
    return recorded


def _lock(session: Session, ids: set[int]) -> dict[int, _State]:
    usual = settings().status_change_threshold
    return {
        row["id"]: _State(
            **row | {"status": Status(row["status"]), "threshold": row["threshold"] or usual}
        )
        for row in result_rows.lock(session, ids)
    }


def _counts(item: Found, state: _State | None) -> bool:
    return state is not None and item.at != state.last_check_at


def _waves(found: Sequence[Found]) -> Iterator[list[Found]]:
    """`found`, in parts that hold one result of each service: an agent may report several."""
    rest = list(found)
    while rest:
        wave: dict[int, Found] = {}
        later = []
        for item in rest:
            if item.service_id in wave:
                later.append(item)
            else:
                wave[item.service_id] = item
        yield list(wave.values())
        rest = later


class _Change(NamedTuple):
    """A transition without its facts, and what is needed for them."""

    transition: Transition
    found: Found
    failures: int


def _judge(state: _State, item: Found) -> _Change | None:
    """Take the result into the state; return the change of status that follows from it."""
    if state.last_check_at is not None and item.at < state.last_check_at:
        return None
    found = item.result
    verdict = judge(state.status, state.failures, found, item.at, threshold=state.threshold)
    change = None
    if verdict.decision.status is not state.status:
        transition = Transition(state.id, state.status, verdict.decision)
        change = _Change(transition, item, verdict.failures)
    state.status = verdict.decision.status
    state.last, state.last_check_at = found, item.at
    state.failures = verdict.failures
    state.recent = (state.recent + found.result.letter)[-RECENT_RESULTS:]
    if found.certificate_expires_at is not None:
        state.certificate_expires_at = found.certificate_expires_at
    return change


def _change(session: Session, changes: Sequence[_Change], now: datetime) -> Recorded:
    """Carry the changes out, with the facts of those that somebody is told of."""
    told = {item.found.service_id for item in changes if item.transition.decision.alert}
    rows: dict[int, Any] = {}
    if told:
        query = (
            sa.select(*MONITOR_COLUMNS, _services.c.target)
            .join(_services, _services.c.id == _monitors.c.id)
            .where(among(_monitors.c.id, told))
        )
        rows.update((row.id, row) for row in session.execute(query))
    applied = transitions.apply(
        session, [_with_facts(item, rows.get(item.found.service_id)) for item in changes], now
    )
    return Recorded(changes=len(applied.monitor_ids), alerts=applied.deliveries)


def _with_facts(change: _Change, row: ServiceRow | None) -> Transition:
    transition, found, failures = change
    if row is None:  # nobody is told
        return transition
    status = transition.decision.status
    facts = service_facts(row, status, found.at, found.result, failures=failures)
    return replace(transition, facts=facts)


def _columns(state: _State, last: ProbeResult) -> dict[str, Any]:
    return {
        "key": state.id,
        "next_check_at": state.next_check_at,
        "claimed_at": state.claimed_at,
        "last_check_at": state.last_check_at,
        "last_result": last.result,
        "last_latency_ms": last.latency_ms,
        "last_status_code": last.status_code,
        "last_error": last.reason,
        "failures": state.failures,
        "recent": state.recent,
        "certificate_expires_at": state.certificate_expires_at,
    }
