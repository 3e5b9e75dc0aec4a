"""How well a monitor did: its changes of status, measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from sentinelweb.core.status import Status

# Worst first.
SEVERITY = (Status.DOWN, Status.LATE, Status.UP, Status.NEW, Status.PAUSED)


@dataclass(frozen=True, slots=True)
class Change:
    """From `at` on, the status was `status`."""

    at: datetime
    status: Status


@dataclass(slots=True)
class Bucket:
    """A span of time, and how long the monitor had each status in it."""

    start: datetime
    end: datetime
    spent: dict[Status, timedelta] = field(default_factory=dict)

    @property
    def worst(self) -> Status | None:
        """The worst status of the span; None if the monitor did not exist then.

        Late counts as up, as it does in the uptime: a job that pings when it is done comes after
        its time every day, and all its days would warn of nothing.
        """
        worst = next((status for status in SEVERITY if self.spent.get(status)), None)
        return Status.UP if worst is Status.LATE else worst

    @property
    def down(self) -> timedelta:
        return self.time_in(Status.DOWN)

    def time_in(self, status: Status) -> timedelta:
        return self.spent.get(status, timedelta())


def buckets(changes: Sequence[Change], bounds: Sequence[datetime], now: datetime) -> list[Bucket]:
    """Measure each span between two `bounds`; both sequences ascend.

    Before the first change the monitor did not exist; time after `now` has not been.
    """
    found = [Bucket(start, end) for start, end in pairwise(bounds) if start < now]
    ends = [change.at for change in changes[1:]] + [now]
    position = 0
    for change, end in zip(changes, ends, strict=True):
        while position < len(found) and found[position].end <= change.at:
            position += 1
        for bucket in found[position:]:
            if bucket.start >= end:
                break
            spent = min(bucket.end, end) - max(bucket.start, change.at)
            if spent > timedelta():
                bucket.spent[change.status] = bucket.time_in(change.status) + spent
    return found


def share_up(measured: Iterable[Bucket]) -> float | None:
    """The share of watched time, 0 to 1, in which the monitor was not down; None if unwatched.

    Late is within what was tolerated. New and paused time was not watched.
    """
    well = down = timedelta()
    for bucket in measured:
        well += bucket.time_in(Status.UP) + bucket.time_in(Status.LATE)
        down += bucket.time_in(Status.DOWN)
    watched = well + down
    return well / watched if watched else None
