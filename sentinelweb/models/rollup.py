"""Results and figures summed up, so that every chart reads few rows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base


class Bucket:
    """What is summed up holds from `bucket_at` on, for `resolution` seconds."""

    __table_args__ = {"sqlite_with_rowid": False}

    resolution: Mapped[int] = mapped_column(primary_key=True)
    bucket_at: Mapped[datetime] = mapped_column(primary_key=True)


class Results(Bucket):
    """How many results there were of each kind, and the latencies (ms) of those that have one."""

    healthy: Mapped[int] = mapped_column(default=0)
    down: Mapped[int] = mapped_column(default=0)
    error: Mapped[int] = mapped_column(default=0)
    timeout: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)
    latency_count: Mapped[int] = mapped_column(default=0)
    latency_sum: Mapped[float] = mapped_column(default=0)
    latency_min: Mapped[float | None]
    latency_max: Mapped[float | None]


class ServiceRollup(Results, Base):
    """A service's results."""

    __tablename__ = "service_rollups"

    service_id: Mapped[int] = mapped_column(
        sa.ForeignKey("services.id", ondelete="CASCADE"), primary_key=True
    )


class TeamRollup(Results, Base):
    """The results of all services of a team that one host looks at.

    `host_id` is 0 for those that we probe ourselves. It is no foreign key: what a host found stays
    true when it is gone.
    """

    __tablename__ = "team_rollups"

    team_id: Mapped[int] = mapped_column(
        sa.ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True
    )
    # Last in the key: a team is read by time, whoever looked.
    host_id: Mapped[int] = mapped_column(primary_key=True, sort_order=1)


class HostRollup(Bucket, Base):
    """A host's cycles; a mean is sum by count."""

    __tablename__ = "host_rollups"

    host_id: Mapped[int] = mapped_column(
        sa.ForeignKey("hosts.id", ondelete="CASCADE"), primary_key=True
    )
    cycles: Mapped[int] = mapped_column(default=0)
    cpu_count: Mapped[int] = mapped_column(default=0)
    cpu_sum: Mapped[float] = mapped_column(default=0)
    cpu_max: Mapped[float | None]
    ram_count: Mapped[int] = mapped_column(default=0)
    ram_sum: Mapped[float] = mapped_column(default=0)
    ram_max: Mapped[float | None]
    disk_count: Mapped[int] = mapped_column(default=0)
    disk_sum: Mapped[float] = mapped_column(default=0)
    disk_max: Mapped[float | None]
    internet_known: Mapped[int] = mapped_column(default=0)
    internet_ok: Mapped[int] = mapped_column(default=0)
    ping_count: Mapped[int] = mapped_column(default=0)
    ping_sum: Mapped[float] = mapped_column(default=0)
    ping_min: Mapped[float | None]
    ping_max: Mapped[float | None]
    duration_count: Mapped[int] = mapped_column(default=0)
    duration_sum: Mapped[float] = mapped_column(default=0)
    duration_min: Mapped[float | None]
    duration_max: Mapped[float | None]
    container_max: Mapped[int | None]
    relay_200: Mapped[int] = mapped_column(default=0)
    relay_220: Mapped[int] = mapped_column(default=0)
    relay_221: Mapped[int] = mapped_column(default=0)
    relay_500: Mapped[int] = mapped_column(default=0)
    relay_other: Mapped[int] = mapped_column(default=0)
    relay_none: Mapped[int] = mapped_column(default=0)


class RollupMark(Base):
    """How far a source has been summed up: all of it up to `last_id`.

    Beyond, everything up to `upto_id` of the services up to `service_id`: a stretch of results is
    summed up service by service, in several transactions.
    """

    __tablename__ = "rollup_marks"

    source: Mapped[str] = mapped_column(sa.String(30), primary_key=True)
    last_id: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    upto_id: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    service_id: Mapped[int] = mapped_column(default=0)
