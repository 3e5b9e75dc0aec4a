"""The machine that SentinelWeb runs on, as a Host that reports to itself."""

from __future__ import annotations

import socket
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.models import Host, User
from sentinelweb.services import monitors, scoping, transitions
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.facts import host_facts
from sentinelweb.services.transitions import Transition

MAX_NAME = 200
DEFAULT_NAME = "localhost"


def ensure(session: Session) -> int | None:
    """The local Host's id. It is made, in the first administrator's team, if there is none yet.

    None while there is no administrator. Needs a transaction of `writing()`.
    """
    found = _find(session)
    if found is not None:
        return found
    # Locked, so that of two cycles that come first at once one makes the host.
    first = session.scalar(
        sa.select(User.id).where(User.is_admin).order_by(User.id).limit(1).with_for_update()
    )
    return None if first is None else _find(session) or _make(session)


def _find(session: Session) -> int | None:
    return session.scalar(sa.select(Host.id).where(Host.is_local).order_by(Host.id).limit(1))


def _make(session: Session) -> int | None:
    try:
        team_id = scoping.server_team()
    except NotFoundError:
        return None
    host = Host(
        team_id=team_id,
        name=socket.gethostname()[:MAX_NAME] or DEFAULT_NAME,
        is_local=True,
    )
    monitors.add(session, host, clock.now())
    return host.id


def reports(session: Session, host_id: int, now: datetime) -> None:
    """Record that the local Host is there at `now`."""
    host = session.get(Host, host_id, with_for_update=True, populate_existing=True)
    if host is None:
        return
    previous = Status(host.status)
    decision = decide(previous, Event.ANSWERED, None, now)
    facts = host_facts(host, decision.status, now, note=decision.note) if decision.alert else {}
    host.last_report_at = now
    session.flush()
    transitions.apply(session, [Transition(host_id, previous, decision, facts)], now)
