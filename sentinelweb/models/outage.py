"""Times in which SentinelWeb itself could hear nobody, or not everybody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base


class Outage(Base):
    """From the last sign of a web process to the first one after it.

    Deadlines are extended in batches by id: `extended_to` is the last monitor done, and
    `settled_at` is set when all are.
    """

    __tablename__ = "outages"

    id: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    extended_to: Mapped[int] = mapped_column(default=0)
    extended_count: Mapped[int] = mapped_column(default=0)
    settled_at: Mapped[datetime | None] = mapped_column(index=True)


class PagesOutage(Base):
    """From the last sign of a process that makes pages to the first one after it.

    Pings and heartbeats of processes went on meanwhile, as the front door takes them by itself;
    hosts could not report.
    """

    __tablename__ = "pages_outages"

    id: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime]
