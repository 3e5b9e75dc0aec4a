"""Channels as people manage them: added, edited, tested, deleted.

Every function takes the user who asks, and finds nothing of other teams: NotFoundError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock, i18n, notifiers
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, Monitor, Process, monitor_channels
from sentinelweb.notifiers.base import (
    Field,
    InvalidValueError,
    Notifier,
    Preview,
    SendError,
)
from sentinelweb.notifiers.telegram import Chat, recent_chats
from sentinelweb.outbound import OutboundError
from sentinelweb.services import scoping
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.masking import MASK, masked_headers, unmasked_headers
from sentinelweb.services.scoping import Actor
from sentinelweb.services.storms import CALM
from sentinelweb.services.transitions import delivery_row


@dataclass(frozen=True, slots=True)
class ChannelValues:
    """What a person decides about a channel; `settings` by the names of its kind's fields.

    A secret that is empty stays as it is, unless its name is in `removed`.
    """

    name: str
    settings: Mapping[str, str]
    locale: str | None = None
    timezone: str | None = None
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """A line of the list of channels."""

    channel: Channel
    monitor_count: int
    last_delivery: Delivery | None

    @property
    def notifier(self) -> Notifier | None:
        return notifiers.registered().get(self.channel.kind)

    @property
    def destination(self) -> str:
        return destination(self.channel)


def notifier(kind: str) -> Notifier:
    """The code of a kind; raise NotFoundError for one that this version does not know."""
    try:
        return notifiers.registered()[kind]
    except KeyError:
        raise NotFoundError from None


def destination(channel: Channel) -> str:
    """Where a channel's messages go, in a few words without secrets."""
    known = notifiers.registered().get(channel.kind)
    return known.destination(channel.settings) if known else ""


def get(actor: Actor, channel_id: int, *, to_change: bool = False) -> Channel:
    return scoping.owned(actor, Channel, channel_id, to_change=to_change)


def summaries(actor: Actor) -> list[ChannelSummary]:
    """The user's channels by name, each with how many monitors use it and its last delivery."""
    channels = db.session.scalars(
        sa.select(Channel)
        .where(Channel.team_id.in_(scoping.team_ids(actor)))
        .order_by(sa.func.lower(Channel.name), Channel.id)
    ).all()
    ids = [channel.id for channel in channels]
    counted = db.session.execute(
        sa.select(monitor_channels.c.channel_id, sa.func.count())
        .where(monitor_channels.c.channel_id.in_(ids))
        .where(monitor_channels.c.monitor_id.not_in(_over()))
        .group_by(monitor_channels.c.channel_id)
    )
    counts = {channel_id: count for channel_id, count in counted}  # noqa: C416 - typed rows
    latest = _latest_deliveries(ids)
    return [
        ChannelSummary(channel, counts.get(channel.id, 0), latest.get(channel.id))
        for channel in channels
    ]


def state(summaries: Sequence[ChannelSummary]) -> str:
    """A text that changes when anything in the list does."""
    return fingerprint(
        *(
            (
                item.channel.id,
                item.channel.updated_at,
                item.channel.fault,
                item.monitor_count,
                item.last_delivery and (item.last_delivery.id, item.last_delivery.state),
            )
            for item in summaries
        )
    )


def _latest_deliveries(channel_ids: Sequence[int]) -> dict[int, Delivery]:
    """The newest delivery of each channel, each found by a step or two in an index."""
    newest = (
        sa.select(Delivery.id)
        .where(
            Delivery.channel_id == Channel.id,
            # That a monitor is calm again is promised for later.
            sa.or_(Delivery.event != CALM, Delivery.due_at.is_(None)),
        )
        .order_by(Delivery.created_at.desc())
        .limit(1)
        .correlate(Channel)
        .scalar_subquery()
    )
    ids = db.session.scalars(sa.select(newest).where(Channel.id.in_(channel_ids))).all()
    rows = db.session.scalars(sa.select(Delivery).where(Delivery.id.in_(filter(None, ids))))
    return {row.channel_id: row for row in rows}


def create(
    actor: Actor, kind: str, values: ChannelValues, settings: Settings, *, for_all_monitors: bool
) -> Channel:
    """Add a channel to the user's own team; raise InvalidInputError for what cannot be used."""
    team_id, now = scoping.administered_home(actor), clock.now()
    cleaned = clean(notifier(kind), values, {}, settings)
    with writing() as session:
        channel = Channel(
            team_id=team_id,
            kind=kind,
            name=values.name,
            settings=cleaned,
            locale=values.locale,
            timezone=values.timezone,
            created_at=now,
            updated_at=now,
        )
        session.add(channel)
        session.flush()
        if for_all_monitors:
            session.execute(
                sa.insert(monitor_channels).from_select(
                    ["monitor_id", "channel_id"],
                    sa.select(Monitor.id, sa.literal(channel.id)).where(
                        Monitor.team_id == team_id, Monitor.id.not_in(_over())
                    ),
                )
            )
    return channel


def edit(actor: Actor, channel_id: int, values: ChannelValues, settings: Settings) -> Channel:
    """Change a channel. What was wrong with it is forgotten: the next message will tell."""
    with writing() as session:
        channel = scoping.owned_for_update(actor, Channel, channel_id, session)
        channel.settings = clean(notifier(channel.kind), values, channel.settings, settings)
        channel.name = values.name
        channel.locale = values.locale
        channel.timezone = values.timezone
        channel.fault = channel.fault_at = None
        channel.updated_at = clock.now()
    return channel


def delete(actor: Actor, channel_id: int) -> str:
    """Delete a channel with its deliveries, those under way too. Return its name."""
    with writing() as session:
        channel = scoping.owned_for_update(actor, Channel, channel_id, session)
        session.execute(sa.delete(Channel).where(Channel.id == channel.id))
    return channel.name


def send_test(actor: Actor, channel_id: int) -> int:
    """Put a test message into the outbox; return the delivery's id."""
    now = clock.now()
    with writing() as session:
        channel = scoping.owned_for_update(actor, Channel, channel_id, session)
        facts = {"channel": channel.name, "occurred_at": now.isoformat()}
        row = delivery_row(channel.id, "test", facts, now, monitor_id=None)
        return session.scalars(sa.insert(Delivery).values(row).returning(Delivery.id)).one()


def previews(
    known: Notifier, values: ChannelValues, settings: Settings
) -> tuple[Sequence[Preview], str | None]:
    """What these values, which need not be complete, would send; or why that cannot be said."""
    reader = i18n.Reader(
        values.locale if values.locale in i18n.LOCALES else i18n.DEFAULT_LOCALE,
        values.timezone if values.timezone in i18n.timezone_names() else settings.tz,
    )
    chosen = {}
    try:
        for field in known.fields:
            if field.kind in {"choice", "multiline"}:
                typed = values.settings.get(field.name, "")
                chosen[field.name] = clean_value(field, typed, "", settings)
        with i18n.reading_as(reader):
            return known.preview(chosen), None
    except InvalidValueError as error:
        return (), str(error)


def telegram_chats(channel: Channel | None, token: str, settings: Settings) -> list[Chat]:
    """The chats that wrote lately to the bot with `token`; raise InvalidInputError with the reason.

    Where no token is given, the channel's is asked for, else the server's own.
    """
    stored = channel.settings.get("bot_token") if channel else None
    try:
        return recent_chats(settings, token.strip() or stored or settings.telegram_bot_token)
    except (SendError, OutboundError) as error:
        raise InvalidInputError("bot_token", str(error)) from None


def available_monitors(team_id: int) -> list[Monitor]:
    """The monitors that may use a channel of this team; of processes, those that still run."""
    query = (
        sa.select(Monitor)
        .options(sa.orm.load_only(Monitor.name, Monitor.status, Monitor.kind))
        .where(Monitor.team_id == team_id, Monitor.id.not_in(_over()))
        .order_by(sa.func.lower(Monitor.name), Monitor.id)
    )
    return list(db.session.scalars(query))


def monitor_ids(channel: Channel) -> list[int]:
    """The monitors that use a channel, as far as they may still have something to tell."""
    query = sa.select(monitor_channels.c.monitor_id).where(
        monitor_channels.c.channel_id == channel.id, monitor_channels.c.monitor_id.not_in(_over())
    )
    return list(db.session.scalars(query))


def _over() -> sa.Select[tuple[int]]:
    """The processes that ended: there may be thousands, and nothing will be told of them again."""
    return sa.select(Process.__table__.c.id).where(Process.__table__.c.ended_at.is_not(None))


def choose_monitors(actor: Actor, channel_id: int, wanted: Sequence[int]) -> None:
    """Make `wanted` the monitors that use a channel; raise NotFoundError for another team's."""
    with writing() as session:
        channel = scoping.owned_for_update(actor, Channel, channel_id, session)
        present = set(monitor_ids(channel))
        _link(session, channel, set(wanted) - present)
        session.execute(
            sa.delete(monitor_channels).where(
                monitor_channels.c.channel_id == channel.id,
                monitor_channels.c.monitor_id.in_(present - set(wanted)),
            )
        )


def _link(session: Session, channel: Channel, new: set[int]) -> None:
    query = sa.select(Monitor.id).where(Monitor.id.in_(new), Monitor.team_id == channel.team_id)
    found = set(session.scalars(query))
    if found != new:
        raise NotFoundError
    if found:
        rows = [{"monitor_id": id_, "channel_id": channel.id} for id_ in sorted(found)]
        session.execute(sa.insert(monitor_channels), rows)


# Settings


def clean(
    known: Notifier, values: ChannelValues, stored: Mapping[str, str], settings: Settings
) -> dict[str, Any]:
    """The settings as they are to be stored; raise InvalidInputError for the first wrong one."""
    cleaned = {}
    for field in known.fields:
        typed = values.settings.get(field.name, "")
        before = "" if field.name in values.removed else stored.get(field.name, "")
        try:
            cleaned[field.name] = clean_value(field, typed, before, settings)
        except InvalidValueError as error:
            raise InvalidInputError(field.name, str(error)) from error
    return cleaned


def clean_value(field: Field, typed: str, stored: str, settings: Settings) -> str:
    """One setting as it is to be stored, where `typed` may stand for what is; InvalidValueError."""
    if field.kind == "headers" and MASK in typed:
        try:
            typed = unmasked_headers(typed, stored)
        except ValueError as error:
            raise InvalidValueError(str(error)) from None
    elif field.secret and field.kind != "headers" and not typed.strip():
        typed = stored
    return field.clean(typed, settings)


def shown(field: Field, stored: str) -> str:
    """A setting as a page may hold it."""
    if not field.secret:
        return stored
    if field.kind == "headers":
        return masked_headers(stored)
    return ""
