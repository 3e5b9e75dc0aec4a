"""Ids that sort as the time at which they were made."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sentinelweb.core.instants import microseconds

CHANCE_BITS = 62


def time_ordered_uuid(now: datetime, chance: int) -> UUID:
    """A UUID of version 7 (RFC 9562, 5.7) with the microseconds too; `chance` has CHANCE_BITS.

    Of many rows with such ids those made together lie together in the index; each random id would
    change another page of it.
    """
    milliseconds, rest = divmod(microseconds(now), 1_000)
    fraction = rest * 4_096 // 1_000
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | chance)
