"""Heartbeats addressed by their alias and a secret: their team's ping key, or a token of theirs."""

from __future__ import annotations

import contextlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from sentinelweb.core.signals import is_alias
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Channel, HeartbeatCheck, Monitor, Team
from sentinelweb.services import monitors
from sentinelweb.services.errors import InvalidInputError

Address = tuple[str, str]  # ping key and alias, or alias and token, as they stand in the URL


def find(addresses: Iterable[Address]) -> dict[Address, str]:
    """The slugs of those of `addresses` that there are."""
    wanted = [(key, alias) for key, alias in addresses if is_alias(alias)]
    rows = db.session.execute(
        sa.select(Team.ping_key, Monitor.alias, Monitor.slug)
        .join(Monitor, Monitor.team_id == Team.id)
        .where(sa.tuple_(Team.ping_key, Monitor.alias).in_(wanted))
    )
    return {(key, alias): slug for key, alias, slug in rows if alias is not None}


def find_by_token(addresses: Iterable[Address]) -> dict[Address, str]:
    """The same where each alias comes with the token of its heartbeat (seed 001).

    Looked up by the alias and compared in constant time, so that the time tells of no token.
    """
    tokens = defaultdict(list)
    for alias, token in addresses:
        tokens[alias].append(token)
    rows = db.session.execute(
        sa.select(HeartbeatCheck.alias, HeartbeatCheck.token, HeartbeatCheck.slug).where(
            HeartbeatCheck.alias.in_(tokens), HeartbeatCheck.token.is_not(None)
        )
    )
    return {
        (alias, token): slug
        for alias, own, slug in rows
        if alias is not None and own is not None
        for token in tokens[alias]
        if hmac.compare_digest(own.encode(), token.encode())
    }


def find_or_create(address: Address, now: datetime) -> str | None:
    """The slug of `address`, made with the usual values and all channels of the team if it is new.

    None if there is no such team, or no monitor may be called so.
    """
    ping_key, alias = address
    with writing() as session:
        # Locked, because two jobs may ask at once.
        team = session.scalar(sa.select(Team).where(Team.ping_key == ping_key).with_for_update())
        if team is None or not is_alias(alias):
            return None
        known = session.scalar(
            sa.select(Monitor.slug).where(Monitor.team_id == team.id, Monitor.alias == alias)
        )
        if known is not None:
            return known
        heartbeat = HeartbeatCheck(
            team_id=team.id,
            alias=alias,
            name=alias,
            channels=list(session.scalars(sa.select(Channel).where(Channel.team_id == team.id))),
        )
        monitors.add(session, heartbeat, now)
        return heartbeat.slug


@contextlib.contextmanager
def refused_if_taken() -> Iterator[None]:
    """Raise InvalidInputError when the block writes an alias that the team has already.

    The database decides: of two who choose the same at once, it sees both.
    """
    try:
        yield
    except IntegrityError as error:
        if "alias" not in str(error.orig):
            raise
        message = _("Another heartbeat of the team has this alias.")
        raise InvalidInputError("alias", message) from error
