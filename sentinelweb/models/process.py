"""A short- or long-lived program in the registry (seed 003)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.models.monitor import Monitor


class Process(Monitor):
    """Its `slug` is the seed's process id (`LongLivedProcess_…`).

    `keep_alive` is whether it is long-lived, so that silence is an alarm; `kept_by_server` whether
    we renew its heartbeats ourselves (PROCESS_KEEPALIVE=server). `expiry` is in seconds.
    `overdue_at` is when it counts as dead, and NULL once it ended (`ended_at`) or went down.
    A process that ended well, or a short-lived one that expired, has the status paused: nothing is
    expected of it any more. One that was deleted (`is_removed`) is in no list of the seed's API.

    `progress` (0 to 100), `message`, `host` and `pid` are as it told last; `exit_status` and
    `output`, its last lines, as it told at its end.
    """

    __tablename__ = "processes"
    __mapper_args__ = {"polymorphic_identity": "process"}
    __table_args__ = (
        sa.Index(
            "ix_processes_overdue_at",
            "overdue_at",
            sqlite_where=sa.text("overdue_at IS NOT NULL"),
            postgresql_where=sa.text("overdue_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_processes_ended_at",
            "ended_at",
            sqlite_where=sa.text("ended_at IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(
        sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    keep_alive: Mapped[bool] = mapped_column(default=False)
    kept_by_server: Mapped[bool] = mapped_column(default=False)
    expiry: Mapped[int] = mapped_column(default=30)
    last_heartbeat: Mapped[datetime]
    overdue_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    is_removed: Mapped[bool] = mapped_column(default=False)
    host: Mapped[str] = mapped_column(sa.String(255), default="")
    pid: Mapped[int | None]
    progress: Mapped[float | None]
    message: Mapped[str] = mapped_column(sa.String(500), default="")
    exit_status: Mapped[int | None]
    output: Mapped[str] = mapped_column(sa.Text, default="")
