"""Everything that the page of one process shows."""

from __future__ import annotations

import sqlalchemy as sa

from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.models import Process, User
from sentinelweb.services import scoping, timeline
from sentinelweb.services.timeline import Position, Rank, Timeline

RANKS = (Rank.CHANGE, Rank.DELIVERY, Rank.OUTAGE)


def get(user: User, monitor_id: int, *, to_change: bool = False) -> Process:
    return scoping.owned(user, Process, monitor_id, to_change=to_change)


def history(process: Process, before: Position | None) -> Timeline:
    return timeline.of_monitor(process.id, before=before, ranks=RANKS)


def state(process: Process) -> str:
    """A text that changes when anything on the page does. Cheap: asked every few seconds."""
    columns = sa.inspect(Process).column_attrs
    return fingerprint(
        *(getattr(process, column.key) for column in columns),
        [channel.id for channel in process.channels],
        timeline.latest_ids(process.id, ranks=RANKS),
    )
