"""A configured destination for alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sentinelweb.db import Base
from sentinelweb.models.team import Team

monitor_channels = sa.Table(
    "monitor_channels",
    Base.metadata,
    sa.Column("monitor_id", sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column(
        "channel_id",
        sa.ForeignKey("channels.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)


class Channel(Base):
    """`settings` holds what the kind's Notifier declares, its secrets included: never log it.

    `fault` says why the receiver refuses us for good (a chat that blocked the bot), until a
    delivery succeeds again or somebody edits the channel.
    """

    __tablename__ = "channels"

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(30))
    name: Mapped[str] = mapped_column(sa.String(100))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    locale: Mapped[str | None] = mapped_column(sa.String(20))
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    fault: Mapped[str | None] = mapped_column(sa.String(500))
    fault_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    team: Mapped[Team] = relationship()
