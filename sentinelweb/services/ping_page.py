"""Everything that the page of one ping shows."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from sentinelweb.core.bodies import ShownBody, show
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Ping, User
from sentinelweb.services import heartbeats
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.keyset import MAX_ID


@dataclass(frozen=True, slots=True)
class PingPage:
    """`kept` is how many bytes of the body there are; `older` and `newer` are ids of pings."""

    heartbeat: HeartbeatCheck
    ping: Ping
    body: ShownBody | None
    kept: int
    older: int | None
    newer: int | None

    @property
    def is_cut(self) -> bool:
        return self.kept < self.ping.body_size


def build(user: User, heartbeat_id: int, ping_id: int) -> PingPage:
    """Raise NotFoundError if it is none of the user's teams'."""
    heartbeat, ping = _get(user, heartbeat_id, ping_id)
    kept = len(ping.body or b"")
    stands_at = sa.tuple_(
        sa.literal(ping.created_at, Ping.created_at.type), sa.literal(ping.id, Ping.id.type)
    )
    position = sa.tuple_(Ping.created_at, Ping.id)
    return PingPage(
        heartbeat,
        ping,
        show(ping.body, is_cut=kept < ping.body_size) if ping.body else None,
        kept,
        older=_nearest(ping, position < stands_at, Ping.created_at.desc(), Ping.id.desc()),
        newer=_nearest(ping, position > stands_at, Ping.created_at, Ping.id),
    )


def body(user: User, heartbeat_id: int, ping_id: int) -> bytes:
    """What is kept of the body, as it came. Raise NotFoundError if there is nothing."""
    ping = _get(user, heartbeat_id, ping_id)[1]
    if ping.body is None:
        raise NotFoundError
    return ping.body


def _get(user: User, heartbeat_id: int, ping_id: int) -> tuple[HeartbeatCheck, Ping]:
    heartbeat = heartbeats.get(user, heartbeat_id)
    ping = db.session.get(Ping, ping_id) if ping_id <= MAX_ID else None
    if ping is None or ping.monitor_id != heartbeat.id:
        raise NotFoundError
    return heartbeat, ping


def _nearest(
    ping: Ping, condition: sa.ColumnElement[bool], *order: sa.SQLColumnExpression[object]
) -> int | None:
    query = sa.select(Ping.id).where(Ping.monitor_id == ping.monitor_id, condition)
    return db.session.scalar(query.order_by(*order).limit(1))
