"""A time in which SentinelWeb itself could receive no ping."""

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
