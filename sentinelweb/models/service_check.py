"""One result of a service, as it was found."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base, BigId


class ServiceCheck(Base):
    """Seed 004's `service_checks`; the service's name and address are read from the service.

    `cycle_id` names a MonitoringCycle, or is NULL for a check that a person asked for. It is no
    foreign key: a thousand results a second would each look the cycle up.
    """

    __tablename__ = "service_checks"
    __table_args__ = (
        sa.Index("ix_service_checks_service_id_created_at", "service_id", "created_at"),
        # An id is never used again: the sums tell new rows by it.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    service_id: Mapped[int] = mapped_column(sa.ForeignKey("services.id", ondelete="CASCADE"))
    cycle_id: Mapped[str | None] = mapped_column(sa.String(36))
    created_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(sa.String(10))
    latency_ms: Mapped[float | None]
    status_code: Mapped[int | None]
    error_message: Mapped[str] = mapped_column(sa.String(300), default="")
