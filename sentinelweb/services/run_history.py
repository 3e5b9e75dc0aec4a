"""How long the latest runs of a job took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median_low

import sqlalchemy as sa

from sentinelweb.core.durations import round_up
from sentinelweb.core.signals import SignalKind
from sentinelweb.db import db
from sentinelweb.models import Ping

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Run:
    """`ping_id` is the ping that ended it; durations are in milliseconds."""

    ping_id: int
    ended_at: datetime
    took: int
    failed: bool
    exit_status: int | None


@dataclass(frozen=True, slots=True)
class RunHistory:
    """`runs` come oldest first, and there is at least one."""

    runs: Sequence[Run]

    @property
    def usual(self) -> int:
        return median_low(run.took for run in self.runs)

    @property
    def longest(self) -> int:
        return max(run.took for run in self.runs)

    @property
    def scale(self) -> int:
        """A round duration that holds them all."""
        return round_up(self.longest)


def latest(monitor_id: int) -> RunHistory | None:
    """The latest runs whose start was told; None if there are none."""
    query = (
        sa.select(Ping.id, Ping.created_at, Ping.duration_ms, Ping.kind, Ping.exit_status)
        .where(Ping.monitor_id == monitor_id, Ping.duration_ms.is_not(None))
        .order_by(Ping.created_at.desc(), Ping.id.desc())
        .limit(SHOWN)
    )
    runs = [
        Run(id_, ended_at, took or 0, kind == SignalKind.FAIL, exit_status)
        for id_, ended_at, took, kind, exit_status in db.session.execute(query)
    ]
    return RunHistory(runs[::-1]) if runs else None
