"""What was sent to a channel: every delivery with its tries, the latest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.db import db
from sentinelweb.models import Channel, Delivery, DeliveryState
from sentinelweb.services import keyset
from sentinelweb.services.keyset import Page

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """`older` is what the next page comes `before`; None on the last one.

    `digests` are the moments at which several deliveries ended as one message.
    """

    deliveries: Sequence[Delivery]
    older: int | None
    digests: frozenset[datetime]


def of_channel(channel: Channel, before: int | None = None) -> DeliveryLog:
    """The latest deliveries, or those that were promised before the delivery `before`."""
    query = _page(channel, before).options(selectinload(Delivery.attempts))
    found = db.session.scalars(query).all()
    deliveries = found[:PAGE_SIZE]
    ends = Counter(item.finished_at for item in found if item.state == DeliveryState.SENT)
    return DeliveryLog(
        deliveries,
        deliveries[-1].id if len(found) > PAGE_SIZE else None,
        frozenset(end for end, count in ends.items() if end and count > 1),
    )


def page(channel: Channel, before: int | None, limit: int) -> Page[Delivery]:
    """Deliveries with their tries, of any number."""
    query = sa.select(Delivery).options(selectinload(Delivery.attempts))
    of_channel = Delivery.channel_id == channel.id
    return keyset.latest(query, Delivery, of_channel, before, limit)


def state(channel: Channel, before: int | None = None) -> str:
    """A text that changes when anything in the log does. Cheap: asked every few seconds."""
    rows = db.session.execute(
        _page(channel, before).with_only_columns(
            Delivery.id, Delivery.state, Delivery.attempt_count, Delivery.due_at
        )
    )
    return fingerprint(
        channel.name, channel.updated_at, channel.fault, [tuple(row) for row in rows]
    )


def _page(channel: Channel, before: int | None) -> sa.Select[Delivery]:
    of_channel = Delivery.channel_id == channel.id
    query = keyset.latest_first(sa.select(Delivery), Delivery, of_channel, before)
    return query.limit(PAGE_SIZE + 1)
