"""One transition of a monitor's status."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base, BigId


class StatusChange(Base):
    """Seed 001's `history`: previous and new status, a note, and when."""

    __tablename__ = "history"
    __table_args__ = (sa.Index("ix_history_monitor_id_created_at", "monitor_id", "created_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    monitor_id: Mapped[int] = mapped_column(sa.ForeignKey("monitors.id", ondelete="CASCADE"))
    prev_status: Mapped[str] = mapped_column(sa.String(10))
    new_status: Mapped[str] = mapped_column(sa.String(10))
    note: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[datetime]
