"""What people manage alike for every kind of monitor."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import Channel, Monitor, monitor_channels
from sentinelweb.services import counts
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import NotFoundError

SLUG_BYTES = 16  # 128 bits (seed 000, "Segurança")


def new_slug() -> str:
    return secrets.token_urlsafe(SLUG_BYTES)


def available_channels(team_id: int) -> list[Channel]:
    """The channels that a monitor of this team may alert."""
    query = sa.select(Channel).where(Channel.team_id == team_id).order_by(Channel.name, Channel.id)
    return list(db.session.scalars(query))


def add(session: Session, monitor: Monitor, now: datetime, channel_ids: Sequence[int] = ()) -> None:
    """Write and count a new monitor, which alerts these channels.

    It is the last thing in its transaction, as counts.shift() asks. Raise NotFoundError for a
    channel of another team.
    """
    monitor.slug = monitor.slug or new_slug()
    monitor.status = monitor.status or Status.NEW
    monitor.status_since = monitor.created_at = monitor.updated_at = now
    session.add(monitor)
    session.flush()
    if channel_ids:
        set_channels(session, monitor, channel_ids)
    counts.shift(session, {CountKey(monitor.team_id, monitor.kind, monitor.status): 1})


def set_channels(session: Session, monitor: Monitor, ids: Sequence[int]) -> None:
    """Make `ids` the channels of a monitor; raise NotFoundError for one of another team."""
    wanted = set(ids)
    found = set(
        session.scalars(
            sa.select(Channel.id)
            .where(Channel.id.in_(wanted), Channel.team_id == monitor.team_id)
            .with_for_update(read=True)
        )
    )
    if found != wanted:
        raise NotFoundError
    session.execute(sa.delete(monitor_channels).where(monitor_channels.c.monitor_id == monitor.id))
    if found:
        rows = [{"monitor_id": monitor.id, "channel_id": id_} for id_ in sorted(found)]
        session.execute(sa.insert(monitor_channels), rows)
    session.expire(monitor, ["channels"])
