"""What passes between the thread that owns the database and the threads that send."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sentinelweb.i18n import Reader
from sentinelweb.notifiers.base import Message, SendError

# An older message says when it happened; in a fresh one that would be noise.
DELAYED = timedelta(minutes=5)

_DIGESTS = uuid.UUID("0f9b8f0e-6c35-4a0b-9f0e-5d1c6b0d7a51")


class QueuedDelivery(NamedTuple):
    """An unfinished delivery as it was read. The fields are columns of `deliveries`."""

    id: int
    uid: str
    channel_id: int
    monitor_id: int | None
    event: str
    facts: dict[str, Any]
    created_at: datetime
    due_at: datetime


class Destination(NamedTuple):
    """A channel as it was read. The fields are columns of `channels`."""

    id: int
    kind: str
    settings: dict[str, str]
    locale: str | None
    timezone: str | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes as one message: one delivery, or several as a digest."""

    deliveries: tuple[QueuedDelivery, ...]

    def message(self, site_url: str, now: datetime) -> Message:
        parts = tuple(
            Message(item.uid, item.event, item.facts, site_url, now - item.created_at > DELAYED)
            for item in self.deliveries
        )
        if len(parts) == 1:
            return parts[0]
        # The same deliveries make the same id. Had a repeat that sums up more of them the old id,
        # a receiver that knows it would drop what is new.
        uid = uuid.uuid5(_DIGESTS, "".join(part.uid for part in parts))
        return Message(str(uid), "digest", {}, site_url, parts=parts)


@dataclass(slots=True)
class Batch:
    """The parcels that one thread sends to one channel, in their order, until `lease`.

    `began` is time.monotonic(). `resume_at` is when the channel's queue may go on afterwards; None
    for at once.
    """

    destination: Destination
    parcels: Sequence[Parcel]
    reader: Reader
    lease: datetime
    began: float
    resume_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one parcel; `error` is None when the receiver has accepted it.

    `changed` are settings of the channel that the receiver wants otherwise from now on.
    """

    batch: Batch
    parcel: Parcel
    at: datetime
    duration_ms: int
    error: SendError | None = None
    changed: dict[str, str] = field(default_factory=dict)

    @property
    def ended_at(self) -> datetime:
        return self.at + timedelta(milliseconds=self.duration_ms)


@dataclass(frozen=True, slots=True)
class End:
    """A thread is done with its batch, though perhaps not with all its parcels."""

    batch: Batch


Report = Result | End
