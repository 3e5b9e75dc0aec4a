"""Monitors as PulseMon's clients know them (seed 001): heartbeats with an alias.

Their `slug` is the heartbeat's alias, their `webhook_url` the address of its webhook channel. Every
function takes the program that asks, and finds nothing of other teams: NotFoundError.

A program that acts for all teams may find an alias in several: it means the one of the team that
its own monitors go to, else the oldest.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Collection, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock
from sentinelweb.core import pulsemon
from sentinelweb.core.pulsemon import NewMonitor, UnusableError
from sentinelweb.core.signals import is_alias
from sentinelweb.core.status import Status
from sentinelweb.db import among, db, writing
from sentinelweb.models import Channel, HeartbeatCheck, StatusChange, monitor_channels
from sentinelweb.notifiers.webhook import PULSEMON, Webhook
from sentinelweb.outbound import Reach
from sentinelweb.services import aliases, channels, heartbeats, keyset, scoping
from sentinelweb.services.channels import ChannelValues
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.heartbeats import HeartbeatValues
from sentinelweb.services.scoping import Program

TOKEN_BYTES = 24
MAX_LISTED = 10_000
MAX_CHANGES = 1_000
MAX_CHANNEL_NAME = 100

# Statuses between which PulseMon sees no change, because it has one word for them.
_SAME = [
    [status for status in Status if pulsemon.status_word(status) == word]
    for word in (pulsemon.UP, pulsemon.UNKNOWN)
]


class Found(NamedTuple):
    heartbeat: HeartbeatCheck
    webhook_url: str | None


def create(program: Program, values: NewMonitor, settings: Settings) -> Found:
    """Add a heartbeat with a token of its own and, if asked for, a webhook channel.

    Raise InvalidInputError for a taken slug, UnusableError for an address that cannot be called,
    and NotFoundError while there is no team that it could belong to.
    """
    webhook = _webhook_settings(values.webhook_url, settings) if values.webhook_url else None
    with aliases.refused_if_taken(), writing() as session:
        team_id, now = scoping.home_team(program), clock.now()
        channel_ids = []
        if webhook is not None:
            channel = Channel(
                team_id=team_id,
                kind=Webhook.kind,
                name=values.name[:MAX_CHANNEL_NAME],
                settings=webhook,
                created_at=now,
                updated_at=now,
            )
            session.add(channel)
            session.flush()
            channel_ids.append(channel.id)
        wanted = HeartbeatValues(
            name=values.name,
            alias=values.slug,
            expected_period=values.interval_seconds,
            grace_period=values.grace_seconds,
            channel_ids=channel_ids,
        )
        token = secrets.token_urlsafe(TOKEN_BYTES)
        heartbeat = heartbeats.add(session, team_id, wanted, now, token=token)
    return Found(heartbeat, values.webhook_url)


def _webhook_settings(url: str, settings: Settings) -> dict[str, str]:
    """Raise UnusableError at once for what no delivery could ever reach."""
    reach = Reach.PRIVATE if settings.private_targets_allowed else Reach.PUBLIC
    wanted = {field.name: field.default for field in Webhook.fields}
    wanted |= {"url": url, "template": PULSEMON}
    try:
        cleaned = channels.clean(Webhook(), ChannelValues("", wanted), {}, settings)
    except InvalidInputError as error:
        raise UnusableError.of("webhook_url", error.message) from error
    try:
        is_allowed = reach.includes(urlsplit(cleaned["url"]).hostname or "")
    except ValueError:  # a name: where it leads is judged whenever it is called
        is_allowed = True
    if not is_allowed:
        raise UnusableError.of("webhook_url", "This address is not allowed.")
    return cleaned


def find(program: Program, *, after: int = 0, limit: int = MAX_LISTED) -> list[Found]:
    """The monitors in the order in which they were made, beginning behind the id `after`."""
    query = (
        _visible(program).where(HeartbeatCheck.id > after).order_by(HeartbeatCheck.id).limit(limit)
    )
    return _with_webhooks(db.session.scalars(query).all())


def get(program: Program, slug: str) -> Found:
    if not is_alias(slug):
        raise NotFoundError
    query = _visible(program).where(HeartbeatCheck.alias == slug)
    with contextlib.suppress(NotFoundError):  # there is no administrator, whose team comes first
        query = query.order_by((HeartbeatCheck.team_id == scoping.home_team(program)).desc())
    heartbeat = db.session.scalars(query.order_by(HeartbeatCheck.id).limit(1)).one_or_none()
    if heartbeat is None:
        raise NotFoundError
    return _with_webhooks([heartbeat])[0]


def delete(program: Program, slug: str) -> None:
    """Delete a monitor with its history, and the webhook that was made with it.

    A webhook stays that another monitor alerts too, or that somebody gave another body.
    """
    heartbeat_id = get(program, slug).heartbeat.id
    with writing() as session:
        heartbeat = scoping.owned_for_update(program, HeartbeatCheck, heartbeat_id, session)
        for channel in _own_webhooks(session, heartbeat.id):
            session.execute(sa.delete(Channel).where(Channel.id == channel.id))
        heartbeats.remove(session, heartbeat)


def history(
    program: Program, slug: str, *, before: int | None = None, limit: int = 100
) -> list[StatusChange]:
    """The changes that PulseMon has words for, the latest first; those before the id `before`."""
    heartbeat = get(program, slug).heartbeat
    of_heartbeat = StatusChange.monitor_id == heartbeat.id
    query = keyset.latest_first(sa.select(StatusChange), StatusChange, of_heartbeat, before)
    for statuses in _SAME:
        unseen = sa.and_(
            StatusChange.prev_status.in_(statuses), StatusChange.new_status.in_(statuses)
        )
        query = query.where(sa.not_(unseen))
    return list(db.session.scalars(query.limit(limit)))


def _visible(program: Program) -> sa.Select[HeartbeatCheck]:
    return sa.select(HeartbeatCheck).where(
        HeartbeatCheck.team_id.in_(scoping.team_ids(program)), HeartbeatCheck.alias.is_not(None)
    )


def _with_webhooks(found: Sequence[HeartbeatCheck]) -> list[Found]:
    addresses = _webhook_urls([heartbeat.id for heartbeat in found])
    return [Found(heartbeat, addresses.get(heartbeat.id)) for heartbeat in found]


def _webhook_urls(heartbeat_ids: Collection[int]) -> dict[int, str]:
    """The address of each heartbeat's oldest webhook."""
    rows = db.session.execute(
        sa.select(monitor_channels.c.monitor_id, Channel.settings)
        .join(Channel, Channel.id == monitor_channels.c.channel_id)
        .where(among(monitor_channels.c.monitor_id, heartbeat_ids), Channel.kind == Webhook.kind)
        .order_by(Channel.id.desc())
    )
    return {monitor_id: values.get("url", "") for monitor_id, values in rows}


def _own_webhooks(session: Session, heartbeat_id: int) -> list[Channel]:
    """The webhooks with PulseMon's body that this heartbeat alone alerts."""
    alerted = monitor_channels.alias()
    others = sa.exists().where(
        alerted.c.channel_id == Channel.id, alerted.c.monitor_id != heartbeat_id
    )
    found = session.scalars(
        sa.select(Channel)
        .join(monitor_channels, monitor_channels.c.channel_id == Channel.id)
        .where(monitor_channels.c.monitor_id == heartbeat_id, Channel.kind == Webhook.kind, ~others)
        .with_for_update(of=Channel)
    )
    return [channel for channel in found if channel.settings.get("template") == PULSEMON]
