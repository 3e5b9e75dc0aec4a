"""One signal received from a job."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base, BigId


class Ping(Base):
    """One signal, with as much of what it carried as is kept.

    `counted` is false for a ping that a paused heartbeat received: kept, but without effect.
    `kind` is success, start, fail or log; what came as an exit status has it in `exit_status`.
    `rid` is the run's id, and `duration_ms` how long the run took that this ping ends.
    `body` is the beginning of the body, `body_size` its whole length in bytes.
    """

    __tablename__ = "pings"
    __table_args__ = (
        sa.Index("ix_pings_monitor_id_created_at", "monitor_id", "created_at"),
        # The latest runs, however many other signals lie between.
        sa.Index(
            "ix_pings_monitor_id_created_at_runs",
            "monitor_id",
            "created_at",
            sqlite_where=sa.text("duration_ms IS NOT NULL"),
            postgresql_where=sa.text("duration_ms IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    monitor_id: Mapped[int] = mapped_column(sa.ForeignKey("monitors.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    counted: Mapped[bool]
    kind: Mapped[str] = mapped_column(sa.String(10), default="success")
    exit_status: Mapped[int | None] = mapped_column(sa.SmallInteger)
    rid: Mapped[str | None] = mapped_column(sa.String(36))
    duration_ms: Mapped[int | None] = mapped_column(sa.BigInteger)
    method: Mapped[str] = mapped_column(sa.String(10))
    remote_addr: Mapped[str] = mapped_column(sa.String(45))
    user_agent: Mapped[str] = mapped_column(sa.String(200))
    body_size: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    # Last, so that SQLite reads the other columns without it.
    body: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
