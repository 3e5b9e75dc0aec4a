"""The environment's services: SERVICE_NAMES, SERVICE_URL_* and SERVICE_HEADERS_* of this server.

They belong to the first administrator's team and are changed only in the environment. `apply()` is
called by `flask release`, by a worker that starts, and when the first administrator has been made;
doing it again changes nothing.

- A new variable makes a service, or takes over an ordinary one of the same name and address.
- Another address, or other headers, change the service; its history stays.
- A variable that went away pauses its service and leaves it to people as an ordinary one, because a
  start with half an environment must not delete what was recorded.
- A variable that cannot be used changes nothing, and the log says why.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from dotenv import dotenv_values
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock, service_variables
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.db import writing
from sentinelweb.models import Channel, Host, Service, monitor_channels
from sentinelweb.probes.declared import DeclaredService, understand
from sentinelweb.service_variables import Problem
from sentinelweb.services import accounts, counts, local_host, monitors, scoping, transitions
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.transitions import Transition

KIND = "service"
CHANNEL_KIND = "n8n"
CHANNEL_NAME = "N8N (environment)"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Applied:
    """How many services were made, changed and left to people."""

    made: int = 0
    changed: int = 0
    let_go: int = 0


@dataclass(frozen=True, slots=True)
class _Declared:
    """What the environment asks for. `names` has those too that cannot be used as they are."""

    services: dict[str, DeclaredService]
    names: frozenset[str]
    problems: list[Problem]


def variables() -> dict[str, str]:
    """The environment, and below it `.env`, with the case of names kept."""
    from_file = {name: value for name, value in dotenv_values(".env").items() if value}
    return from_file | dict(os.environ)


def apply(settings: Settings, environ: Mapping[str, str] | None = None) -> Applied:
    """Make the environment's services what `environ` says, which is `variables()` when not given.

    Without an administrator there is no team for them, and nothing is done.
    """
    declared = _read(variables() if environ is None else environ)
    applied = Applied()
    with writing() as session:
        team_id = _team(session)
        if team_id is None:
            return applied
        _refresh(session, team_id, declared, settings, applied)
    with writing() as session:
        host_id = local_host.ensure(session)
    with writing() as session:
        accounts.one_at_a_time(session)
        made = _make_missing(session, team_id, declared, settings)
        if settings.n8n_webhook_url:
            _alert_n8n(session, team_id, made, host_id)
        counts.shift(session, {CountKey(team_id, KIND, Status.NEW): len(made)})
    applied.made = len(made)
    for problem in declared.problems:
        log.warning("service_refused", variable=problem.variable, reason=problem.message)
    if applied != Applied():
        log.info(
            "environment_applied",
            made=applied.made,
            changed=applied.changed,
            let_go=applied.let_go,
        )
    return applied


def _read(environ: Mapping[str, str]) -> _Declared:
    found, problems = service_variables.parse(environ)
    services, refused = understand(found)
    return _Declared(
        {service.name: service for service in services},
        frozenset(variable.name for variable in found),
        [*problems, *refused],
    )


def _team(session: Session) -> int | None:
    """The server's. Locked against other machines that start at this moment."""
    accounts.one_at_a_time(session)
    try:
        return scoping.server_team()
    except NotFoundError:
        return None  # there is no administrator yet


def _refresh(
    session: Session, team_id: int, declared: _Declared, settings: Settings, applied: Applied
) -> None:
    """Bring the rows that are there up to date: changed, taken over, or left to people."""
    now = clock.now()
    changes = []
    taken: set[str] = set()
    for service in _rows(session, team_id, declared):
        is_ours = service.team_id == team_id and service.name in declared.names
        if service.from_environment and not is_ours:
            changes.append(_let_go(service, now))
            applied.let_go += 1
            continue
        wanted = declared.services.get(service.name)
        if wanted is None:  # its variable is there, and cannot be used
            continue
        if not service.from_environment:
            if service.name in taken or service.target != wanted.target:
                continue
            if service.status == Status.PAUSED:
                service.next_check_at = now
                changes.append(_change(service, Event.RESUMED, now))
        taken.add(service.name)
        applied.changed += _bring_up_to_date(service, wanted, settings, now)
    session.flush()
    transitions.apply(session, changes, now)


def _rows(session: Session, team_id: int, declared: _Declared) -> list[Service]:
    """The environment's services, then others of their names; locked as those who edit them do."""
    query = (
        sa.select(Service)
        .where(
            sa.or_(
                Service.from_environment,
                sa.and_(
                    Service.team_id == team_id,
                    Service.host_id.is_(None),
                    Service.name.in_(declared.services),
                ),
            )
        )
        .order_by(Service.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return sorted(session.scalars(query), key=lambda row: not row.from_environment)


def _bring_up_to_date(
    service: Service, wanted: DeclaredService, settings: Settings, now: datetime
) -> bool:
    """Whether anything was to be changed."""
    values = {
        "target": wanted.target,
        "probe": wanted.probe.kind,
        "options": wanted.options,
        "interval": settings.loop_interval_seconds,
        "from_environment": True,
    }
    if all(getattr(service, name) == value for name, value in values.items()):
        return False
    if service.next_check_at is not None and service.claimed_at is None:
        service.next_check_at = now
    if service.target != wanted.target:
        service.failures = 0
        service.certificate_expires_at = None
    for name, value in values.items():
        setattr(service, name, value)
    service.updated_at = now
    return True


def _let_go(service: Service, now: datetime) -> Transition:
    service.from_environment = False
    service.next_check_at = service.claimed_at = None
    service.failures = 0
    service.updated_at = now
    log.warning("service_left_to_people", service=service.name[:80])
    return _change(service, Event.PAUSED, now)


def _change(service: Service, event: Event, now: datetime) -> Transition:
    previous = Status(service.status)
    return Transition(service.id, previous, decide(previous, event, None, now))


def _make_missing(
    session: Session, team_id: int, declared: _Declared, settings: Settings
) -> list[int]:
    """Add the services that are not there; return their ids."""
    present = set(session.scalars(_of_environment(team_id).with_only_columns(Service.name)))
    now = clock.now()
    new = [
        Service(
            team_id=team_id,
            slug=monitors.new_slug(),
            name=name,
            target=wanted.target,
            probe=wanted.probe.kind,
            options=wanted.options,
            interval=settings.loop_interval_seconds,
            from_environment=True,
            status=Status.NEW,
            status_since=now,
            next_check_at=now,
            created_at=now,
            updated_at=now,
        )
        for name, wanted in declared.services.items()
        if name not in present
    ]
    session.add_all(new)
    session.flush()
    return [service.id for service in new]


def _of_environment(team_id: int) -> sa.Select[Service]:
    return sa.select(Service).where(Service.from_environment, Service.team_id == team_id)


def _alert_n8n(session: Session, team_id: int, made: list[int], host_id: int | None) -> None:
    """Let what is new alert N8N_WEBHOOK_URL; what people detached later stays detached.

    Its channel is the team's n8n channel without an address of its own. When that is made, all the
    environment's services and the local Host are attached, as in seed 004.
    """
    wanted = set(made)
    channel_id = _find_channel(session, team_id)
    if channel_id is None:
        channel_id = _make_channel(session, team_id)
        wanted |= set(session.scalars(_of_environment(team_id).with_only_columns(Service.id)))
        wanted |= set(
            session.scalars(sa.select(Host.id).where(Host.id == host_id, Host.team_id == team_id))
        )
    if wanted:
        rows = [{"monitor_id": id_, "channel_id": channel_id} for id_ in sorted(wanted)]
        session.execute(sa.insert(monitor_channels), rows)


def _find_channel(session: Session, team_id: int) -> int | None:
    channels = session.scalars(
        sa.select(Channel)
        .where(Channel.team_id == team_id, Channel.kind == CHANNEL_KIND)
        .order_by(Channel.id)
        .with_for_update(read=True)  # not deleted before the services are attached
    )
    return next((channel.id for channel in channels if not channel.settings.get("url")), None)


def _make_channel(session: Session, team_id: int) -> int:
    now = clock.now()
    channel = Channel(
        team_id=team_id,
        kind=CHANNEL_KIND,
        name=CHANNEL_NAME,
        settings={"url": ""},
        created_at=now,
        updated_at=now,
    )
    session.add(channel)
    session.flush()
    return channel.id
