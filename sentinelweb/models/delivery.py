"""One message to one channel, with every attempt: the outbox."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sentinelweb.db import Base, BigId
from sentinelweb.models.channel import Channel


class DeliveryState(StrEnum):
    """`merged`: not sent by itself, because another message tells of it (a flapping monitor)."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    MERGED = "merged"


class Delivery(Base):
    """The promise to tell a channel; written with the status change it tells of.

    `due_at` is when a worker may take it next, and NULL when it is over. Taking it moves `due_at`
    to the end of the worker's lease, so that a worker that dies gives it back.
    `facts` is what the message says, as things were when the row was written.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        sa.Index(
            "ix_deliveries_due_at",
            "due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
        # Whether an earlier message to the same channel is still under way: order is kept.
        sa.Index(
            "ix_deliveries_channel_id_id_unfinished",
            "channel_id",
            "id",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        ),
        sa.Index("ix_deliveries_channel_id_created_at", "channel_id", "created_at"),
        sa.Index("ix_deliveries_monitor_id_created_at", "monitor_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("channels.id", ondelete="CASCADE"))
    monitor_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("monitors.id", ondelete="SET NULL")
    )
    event: Mapped[str] = mapped_column(sa.String(10))
    facts: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(sa.String(10), default=DeliveryState.PENDING)
    attempt_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    channel: Mapped[Channel] = relationship()
    attempts: Mapped[list[DeliveryAttempt]] = relationship(
        order_by="DeliveryAttempt.id", passive_deletes=True
    )


class DeliveryAttempt(Base):
    """One try of a delivery. `error` is empty when the receiver accepted it."""

    __tablename__ = "delivery_attempts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(
        sa.ForeignKey("deliveries.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime]
    duration_ms: Mapped[int]
    error: Mapped[str] = mapped_column(sa.String(500), default="")
