"""The list of heartbeats that a person sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa

from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Outage, User
from sentinelweb.services import monitor_list, scoping
from sentinelweb.services.heartbeats import KIND
from sentinelweb.services.monitor_list import NAME, URGENCY, MonitorList, Sorts


@dataclass(frozen=True)
class ListQuery(monitor_list.ListQuery):
    sorts: ClassVar[Sorts] = {
        "status": URGENCY,
        "name": NAME,
        "last": HeartbeatCheck.last_ping,
        "next": HeartbeatCheck.next_expected_ping,
    }


def find(user: User, query: ListQuery) -> MonitorList[HeartbeatCheck]:
    return monitor_list.find(HeartbeatCheck, KIND, scoping.team_ids(user), query)


def state(user: User) -> str:
    """A text that changes when anything in the list does. Cheap: asked every few seconds."""
    row = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.max(HeartbeatCheck.updated_at),
            sa.func.sum(HeartbeatCheck.total_pings),
            sa.func.max(HeartbeatCheck.last_ping),
            sa.func.max(HeartbeatCheck.down_at),
        ).where(HeartbeatCheck.team_id.in_(scoping.team_ids(user)))
    ).one()
    outage = sa.select(Outage.id, Outage.extended_count, Outage.settled_at)
    latest = db.session.execute(outage.order_by(Outage.id.desc()).limit(1)).one_or_none()
    return fingerprint(*row, *(latest or ()))
