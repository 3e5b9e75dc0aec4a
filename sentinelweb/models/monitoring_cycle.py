"""One run of all the probes that are due on a host, with the host's figures."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base


class MonitoringCycle(Base):
    """Seed 004's `monitoring_cycles`; its `timestamp_lima` is `created_at`, in UTC.

    `id` is a UUID whose order is that of time. A figure that could not be taken is NULL.
    `worker_status` is the relay's code, NULL for no answer or no relay. `cycle_duration_ms` is NULL
    until the last of its batches is in; `batches_left` counts those. `services_late` are those
    that were due before the previous cycle and still not looked at when this one began.
    `summed`: it is in the host_rollups.
    """

    __tablename__ = "monitoring_cycles"
    __table_args__ = (
        sa.Index("ix_monitoring_cycles_host_id_created_at", "host_id", "created_at"),
        sa.Index(
            "ix_monitoring_cycles_unsummed",
            "created_at",
            sqlite_where=sa.text("summed = 0"),
            postgresql_where=sa.text("NOT summed"),
        ),
    )

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    host_id: Mapped[int] = mapped_column(sa.ForeignKey("hosts.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    cpu_percent: Mapped[float | None]
    ram_percent: Mapped[float | None]
    ram_used_mb: Mapped[float | None]
    disk_percent: Mapped[float | None]
    uptime_seconds: Mapped[float | None]
    container_count: Mapped[int | None]
    internet_status: Mapped[bool | None]
    ping_ms: Mapped[float | None]
    worker_status: Mapped[int | None]
    cycle_duration_ms: Mapped[int | None]
    services_due: Mapped[int] = mapped_column(default=0)
    services_late: Mapped[int] = mapped_column(default=0)
    batches_left: Mapped[int] = mapped_column(default=0)
    summed: Mapped[bool] = mapped_column(default=False)
