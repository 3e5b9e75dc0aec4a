"""A job that must ping us."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.core.schedule import CronSchedule, Deadlines, PeriodSchedule, Schedule
from sentinelweb.db import OptionalJSON
from sentinelweb.models.monitor import Monitor


class HeartbeatCheck(Monitor):
    """Seed 000's model. Periods are in seconds.

    `next_expected_ping` and `down_at` are the two deadlines; `overdue_at` is whichever the audit
    must act on next, and NULL while nothing can become overdue (new, down, paused).

    `runs` holds the runs under way as {run id: ISO 8601 start}, with the id "" for a start that
    gave none; `run_down_at` is when the first of them must have ended. Both are NULL without any.
    `last_duration_ms` is how long the last run took, if it said when it began. `failure` is why
    the last run failed (`failed`, `exit 3`); NULL if it did not.

    `token` opens `/h/<alias>/<token>` (seed 001), for heartbeats that were made by its API.
    """

    __tablename__ = "heartbeat_checks"
    __mapper_args__ = {"polymorphic_identity": "heartbeat"}
    __table_args__ = (
        # Only what can become overdue is in the index, so that an idle audit reads one page of it.
        sa.Index(
            "ix_heartbeat_checks_overdue_at",
            "overdue_at",
            sqlite_where=sa.text("overdue_at IS NOT NULL"),
            postgresql_where=sa.text("overdue_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(
        sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    expected_period: Mapped[int] = mapped_column(default=86_400)
    grace_period: Mapped[int] = mapped_column(default=3_600)
    cron_expression: Mapped[str | None] = mapped_column(sa.String(200))
    cron_timezone: Mapped[str | None] = mapped_column(sa.String(64))
    last_ping: Mapped[datetime | None]
    next_expected_ping: Mapped[datetime | None]
    down_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    runs: Mapped[dict[str, Any] | None] = mapped_column(OptionalJSON)
    run_down_at: Mapped[datetime | None]
    last_duration_ms: Mapped[int | None] = mapped_column(sa.BigInteger)
    failure: Mapped[str | None] = mapped_column(sa.String(20))
    token: Mapped[str | None] = mapped_column(sa.String(100))
    total_pings: Mapped[int] = mapped_column(default=0)
    missed_pings: Mapped[int] = mapped_column(default=0)
    alert_sent: Mapped[bool] = mapped_column(default=False)
    alert_sent_at: Mapped[datetime | None]

    @property
    def schedule(self) -> Schedule:
        if self.cron_expression:
            return CronSchedule(
                self.cron_expression, self.cron_timezone or "UTC", self.grace_period
            )
        return PeriodSchedule(self.expected_period, self.grace_period)

    @property
    def deadlines(self) -> Deadlines | None:
        return Deadlines.stored(self.next_expected_ping, self.down_at, self.run_down_at)
