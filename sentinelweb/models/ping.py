"""One signal received from a job."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base, BigId


class Ping(Base):
    """`counted` is false for a ping that a paused heartbeat received: kept, but without effect."""

    __tablename__ = "pings"
    __table_args__ = (sa.Index("ix_pings_monitor_id_created_at", "monitor_id", "created_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    monitor_id: Mapped[int] = mapped_column(sa.ForeignKey("monitors.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    counted: Mapped[bool]
    method: Mapped[str] = mapped_column(sa.String(10))
    remote_addr: Mapped[str] = mapped_column(sa.String(45))
    user_agent: Mapped[str] = mapped_column(sa.String(200))
