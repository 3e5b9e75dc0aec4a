"""When silence becomes an alarm, for whoever has to be heard every so many seconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


def overdue_at(heard_at: datetime, patience: timedelta, deaf: Iterable[Span]) -> datetime:
    """When somebody who was heard last at `heard_at` is overdue.

    `deaf` are the times in which we could hear nobody, in their order: after each of them that
    began before the end of our patience, that begins anew.
    """
    overdue = heard_at + patience
    for began_at, ended_at in deaf:
        if heard_at < ended_at and began_at <= overdue:
            overdue = max(overdue, ended_at + patience)
    return overdue
