"""Hosts as people manage them: created, edited, given keys, paused, resumed, deleted.

Every function takes the user who asks, and finds nothing of other teams: NotFoundError. The machine
that SentinelWeb runs on reports to itself: it has no key, and cannot be paused or deleted.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.core.credentials import hash_of
from sentinelweb.core.schedule import Deadlines
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.db import db, writing
from sentinelweb.models import Host, Monitor, MonitoringCycle
from sentinelweb.services import counts, host_services, monitors, scoping, transitions
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.scoping import Actor
from sentinelweb.services.transitions import Transition

KIND = "host"
KEY_BYTES = 24  # 192 bits
KEY_PREFIX = "sw_"  # so that scanners of repositories know one when it was committed by mistake
HINT_LENGTH = len(KEY_PREFIX) + 5
MIN_SILENCE = 10
MAX_SILENCE = 30 * 86_400

_cycles = MonitoringCycle.__table__


@dataclass(frozen=True, slots=True)
class HostValues:
    """What a person decides about a host. `silent_after` is in seconds."""

    name: str
    description: str = ""
    tags: list[str] = field(default_factory=list)
    environment: str = ""
    silent_after: int = 60
    channel_ids: Sequence[int] = ()

    def columns(self) -> dict[str, Any]:
        names = (name for name in self.__slots__ if name != "channel_ids")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A host and the key that its agent shows: here in full, and nowhere ever again."""

    host: Host
    key: str


class AlreadyMadeError(Exception):
    """The form was sent before, and made this host then."""

    def __init__(self, host_id: int) -> None:
        super().__init__(host_id)
        self.host_id = host_id


def get(actor: Actor, host_id: int, *, to_change: bool = False) -> Host:
    return scoping.owned(actor, Host, host_id, to_change=to_change)


def create(actor: Actor, values: HostValues, *, sheet: str = "") -> NewKey:
    """Add a host whose agent is still to report, to the user's own team.

    Of the same `sheet`, which names a form that was filled in, one is made at most: raise
    AlreadyMadeError for the second.
    """
    now = clock.now()
    try:
        with writing() as session:
            team_id = scoping.home_team(actor)
            host = Host(**values.columns(), team_id=team_id)
            if sheet:
                # By the team's name too: nobody can ask for the slug of another's monitor.
                host.slug = hashlib.sha256(f"{team_id} {sheet}".encode()).hexdigest()[:32]
                _refuse_another(session, host.slug)
            key = _give_key(host)
            monitors.add(session, host, now, values.channel_ids)
    except IntegrityError:  # both arrived at once
        _refuse_another(db.session(), host.slug)
        raise
    return NewKey(host, key)


def _refuse_another(session: Session, slug: str) -> None:
    present = session.scalar(sa.select(Monitor.id).where(Monitor.slug == slug))
    if present is not None:
        raise AlreadyMadeError(present)


def edit(actor: Actor, host_id: int, values: HostValues) -> Host:
    """Change a host. When it counts as silent is reckoned anew from its last report."""
    with writing() as session:
        host = scoping.owned_for_update(actor, Host, host_id, session)
        for name, value in values.columns().items():
            setattr(host, name, value)
        host.updated_at = clock.now()
        if host.overdue_at and host.last_report_at:
            host.overdue_at = host.last_report_at + timedelta(seconds=host.silent_after)
        monitors.set_channels(session, host, values.channel_ids)
    return host


def rotate_key(actor: Actor, host_id: int) -> NewKey:
    """Give a host a new key; the old one is unknown from now on."""
    with writing() as session:
        host = _remote_for_update(actor, host_id, session)
        key = _give_key(host)
        host.updated_at = clock.now()
    return NewKey(host, key)


def pause(actor: Actor, host_id: int) -> Host:
    """Expect no reports until it is resumed. Its services go on being recorded."""
    now = clock.now()
    with writing() as session:
        host = _remote_for_update(actor, host_id, session)
        host.overdue_at = None
        _change(session, host, Event.PAUSED, now)
    return host


def resume(actor: Actor, host_id: int) -> Host:
    """Expect reports again, counted from now if there ever was one."""
    now = clock.now()
    with writing() as session:
        host = _remote_for_update(actor, host_id, session)
        if host.status == Status.PAUSED:
            if host.last_report_at:
                host.overdue_at = now + timedelta(seconds=host.silent_after)
            _change(session, host, Event.RESUMED, now)
    return host


def delete(actor: Actor, host_id: int) -> str:
    """Delete a host with its services and all that was recorded of them. Return its name.

    That may be millions of rows, so they go first and a few at a time; if it is cut short, what is
    left can be deleted again. Without its key the agent adds no more meanwhile.
    """
    with writing() as session:
        host = _remote_for_update(actor, host_id, session)
        host.key_hash, host.overdue_at = None, None
    services = host_services.of_host(host_id)
    host_services.delete_checks(service.id for service in db.session.scalars(services).all())
    host_services.delete_where(_cycles, _cycles.c.host_id == host_id)
    with writing() as session:
        host = _remote_for_update(actor, host_id, session)
        gone = host_services.delete(session, session.scalars(services.with_for_update()).all())
        session.delete(host)
        session.flush()
        gone[CountKey(host.team_id, KIND, host.status)] -= 1
        counts.shift(session, gone)
    return host.name


def _remote_for_update(actor: Actor, host_id: int, session: Session) -> Host:
    """Raise NotFoundError for the machine that SentinelWeb runs on too."""
    host = scoping.owned_for_update(actor, Host, host_id, session)
    if host.is_local:
        raise NotFoundError
    return host


def _give_key(host: Host) -> str:
    key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    host.key_hash, host.key_hint = hash_of(key), key[:HINT_LENGTH]
    return key


def _change(session: Session, host: Host, event: Event, now: datetime) -> None:
    """Let `event` happen to a locked host, whose `overdue_at` is as it makes it."""
    previous = Status(host.status)
    deadlines = Deadlines(host.overdue_at, host.overdue_at) if host.overdue_at else None
    decision = decide(previous, event, deadlines, now)
    session.flush()
    transitions.apply(session, [Transition(host.id, previous, decision)], now)
    session.refresh(host)
