"""How many monitors of each status a team has, kept as they change."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base


class MonitorCount(Base):
    """Counting a million rows takes longer than an audit that finds nothing due may take."""

    __tablename__ = "monitor_counts"

    team_id: Mapped[int] = mapped_column(
        sa.ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    status: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
