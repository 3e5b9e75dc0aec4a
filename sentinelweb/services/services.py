"""Services as people manage them: created, edited, paused, resumed, looked at, deleted.

Every function takes the user who asks, and finds nothing of other teams: NotFoundError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from sentinelweb import clock, jobs, probes
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.core.targets import without_credentials
from sentinelweb.db import writing
from sentinelweb.extensions import settings
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Service
from sentinelweb.probes.base import InvalidTargetError, Option, Probe
from sentinelweb.services import counts, monitors, scoping, transitions
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.masking import (
    MASK,
    masked_headers,
    unmasked_headers,
    unmasked_target,
)
from sentinelweb.services.scoping import Actor, Program
from sentinelweb.services.transitions import Transition

log = structlog.get_logger(__name__)

KIND = "service"
# In seconds.
MIN_INTERVAL, MAX_INTERVAL = 5, 86_400
MIN_TIMEOUT, MAX_TIMEOUT = 1, 60
MAX_THRESHOLD = 100
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class ServiceValues:
    """What a person decides about a service.

    `options` are texts by the names that the probe of `target` declares; those left out are as by
    default. A secret one that is empty stays as it is, unless its name is in `removed`. Without a
    `name` it is called after its target; a `timeout` or `threshold` of None is the setting's.
    """

    target: str
    name: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    environment: str = ""
    interval: int = 60
    timeout: int | None = None
    threshold: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    channel_ids: Sequence[int] = ()


def get(actor: Actor, service_id: int, *, to_change: bool = False) -> Service:
    return scoping.owned(actor, Service, service_id, to_change=to_change)


def is_managed_elsewhere(service: Service) -> bool:
    """Whether it is the environment's or an agent's: here it can be paused and given channels."""
    return service.from_environment or service.host_id is not None


def create(actor: Actor, values: ServiceValues) -> Service:
    """Add a service that is due at once, to the user's own team; raise InvalidInputError."""
    columns = _columns(actor, values, None)
    now = clock.now()
    with writing() as session:
        service = Service(**columns, team_id=scoping.home_team(actor), next_check_at=now)
        monitors.add(session, service, now, values.channel_ids)
    return service


def edit(actor: Actor, service_id: int, values: ServiceValues) -> Service:
    """Change a service, and look at it anew if something else is to be looked at.

    Raise InvalidInputError for what cannot be used, and for one that is managed elsewhere.
    """
    now = clock.now()
    with writing() as session:
        service = scoping.owned_for_update(actor, Service, service_id, session)
        refuse_if_managed_elsewhere(service)
        columns = _columns(actor, values, service)
        if columns["target"] != service.target:
            service.failures = 0
            service.certificate_expires_at = None
        looked_at = ("target", "options", "interval", "timeout")
        if any(columns[name] != getattr(service, name) for name in looked_at):
            _be_due(service, now if service.status != Status.PAUSED else None)
        for name, value in columns.items():
            setattr(service, name, value)
        service.updated_at = now
        monitors.set_channels(session, service, values.channel_ids)
    return service


def choose_channels(actor: Actor, service_id: int, channel_ids: Sequence[int]) -> Service:
    """Make these the channels of a service, whoever manages the rest of it."""
    with writing() as session:
        service = scoping.owned_for_update(actor, Service, service_id, session)
        service.updated_at = clock.now()
        session.flush()
        monitors.set_channels(session, service, channel_ids)
    return service


def pause(actor: Actor, service_id: int) -> Service:
    """Look no more until it is resumed. An incident under way ends without a message."""
    now = clock.now()
    with writing() as session:
        service = scoping.owned_for_update(actor, Service, service_id, session)
        _be_due(service, None)
        service.failures = 0
        _change(session, service, Event.PAUSED, now)
    return service


def resume(actor: Actor, service_id: int) -> Service:
    """Look again, at once; it is new until then."""
    now = clock.now()
    with writing() as session:
        service = scoping.owned_for_update(actor, Service, service_id, session)
        if service.status == Status.PAUSED:
            _be_due(service, now if service.host_id is None else None)
            _change(session, service, Event.RESUMED, now)
    return service


def delete(actor: Actor, service_id: int) -> str:
    """Delete a service with its results and history. Return its name.

    Raise InvalidInputError for one that is managed elsewhere: it would come back.
    """
    with writing() as session:
        service = scoping.owned_for_update(actor, Service, service_id, session)
        refuse_if_managed_elsewhere(service)
        session.delete(service)
        session.flush()
        counts.shift(session, {CountKey(service.team_id, KIND, service.status): -1})
    return service.name


def check_now(actor: Actor, service_id: int) -> datetime:
    """Have a worker look at once; a result later than the returned instant is the answer.

    Raise InvalidInputError where nobody can be asked.
    """
    service = get(actor, service_id, to_change=True)
    if service.host_id is not None:
        raise InvalidInputError("", _("Its agent checks it, and cannot be asked to."))
    if service.status == Status.PAUSED:
        raise InvalidInputError("", _("It is paused: resume it first."))
    asked_at = clock.now()
    try:
        with jobs.hasty_redis(settings().resolved_redis_url) as redis:
            jobs.enqueue_checks(redis, [service.id])
    except RedisError as error:
        log.warning("check_not_enqueued", service_id=service.id, error=str(error))
        raise InvalidInputError(
            "", _("Redis cannot be reached, so that no worker could be asked.")
        ) from error
    return asked_at


# What a person typed


def _is_administrator(actor: Actor) -> bool:
    """A program never is: its key may lie on another machine."""
    return not isinstance(actor, Program) and actor.is_admin


def offered_kinds(actor: Actor) -> list[Probe]:
    """What `actor` may add, in the order of the list of kinds."""
    return [
        probe
        for probe in probes.registered().values()
        if _is_administrator(actor) or not probe.admin_only
    ]


def _probe_of(actor: Actor, target: str) -> Probe:
    """The Probe for `target`; raise InvalidInputError for an address that nobody knows."""
    probe = probes.probe_for(target)
    if probe is None:
        examples = ", ".join(probe.example for probe in offered_kinds(actor))
        raise InvalidInputError(
            "target", _("Begin with what kind it is, as in %(examples)s.", examples=examples)
        )
    return probe


def clean_target(actor: Actor, target: str, stored: str | None) -> str:
    """`target` as it is to be stored instead of `stored`; raise InvalidInputError."""
    probe = _probe_of(actor, target)
    try:
        target = unmasked_target(target, stored or "")
    except ValueError as error:
        raise InvalidInputError("target", str(error)) from error
    try:
        cleaned = probe.clean(target)
    except InvalidTargetError as error:
        raise InvalidInputError("target", str(error)) from error
    if probe.admin_only and not _is_administrator(actor) and cleaned != stored:
        raise InvalidInputError("target", _("Only administrators may add a service of this kind."))
    return cleaned


def merged(option: Option, typed: str, stored: str) -> str:
    """The text of an option where `typed` may stand for what is stored; raise ValueError."""
    if option.secret and option.kind == "headers":
        return unmasked_headers(typed, stored) if MASK in typed else typed
    return stored if option.secret and not typed.strip() else typed


def shown(option: Option, stored: Mapping[str, Any]) -> str:
    """An option as a page may hold it."""
    value = stored.get(option.name, option.default)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not option.secret:
        return text
    return masked_headers(text) if option.kind == "headers" else ""


def default_name(target: str) -> str:
    """What a service without a name is called: its target's host, container or name."""
    rest = without_credentials(target).partition(":")[2].lstrip("/")
    return (re.split(r"[/?]", rest)[0] or target)[:MAX_NAME]


def _columns(actor: Actor, values: ServiceValues, service: Service | None) -> dict[str, Any]:
    target = clean_target(actor, values.target, service.target if service else None)
    probe = _probe_of(actor, target)
    stored = service.options if service and service.probe == probe.kind else {}
    return {
        "target": target,
        "probe": probe.kind,
        "options": _clean_options(probe, values, stored),
        "name": values.name or default_name(target),
        "description": values.description,
        "tags": values.tags,
        "environment": values.environment,
        "interval": values.interval,
        "timeout": values.timeout,
        "threshold": values.threshold,
    }


def _clean_options(
    probe: Probe, values: ServiceValues, stored: Mapping[str, Any]
) -> dict[str, str | bool | int]:
    texts = {}
    for option in probe.options:
        before = "" if option.name in values.removed else str(stored.get(option.name, ""))
        typed = values.options.get(option.name, "" if option.secret else option.default)
        try:
            texts[option.name] = merged(option, typed, before)
        except ValueError as error:
            raise InvalidInputError(option.name, str(error)) from error
    try:
        return probe.clean_options(texts)
    except InvalidTargetError as error:
        raise InvalidInputError(error.field or "target", str(error)) from error


# Changes


def _be_due(service: Service, at: datetime | None) -> None:
    """Whoever looks at it just now has lost it: the lease is over."""
    service.next_check_at = at
    service.claimed_at = None


def _change(session: Session, service: Service, event: Event, now: datetime) -> None:
    """Let `event`, about which nobody is told, happen to a locked service."""
    previous = Status(service.status)
    decision = decide(previous, event, None, now)
    session.flush()
    transitions.apply(session, [Transition(service.id, previous, decision)], now)
    session.refresh(service)


def refuse_if_managed_elsewhere(service: Service) -> None:
    """Raise InvalidInputError with where it is managed instead."""
    if service.from_environment:
        raise InvalidInputError(
            "", _("It is made from the server's environment, and is changed only there.")
        )
    if service.host_id is not None:
        raise InvalidInputError("", _("An agent reports it: it is changed only there."))
