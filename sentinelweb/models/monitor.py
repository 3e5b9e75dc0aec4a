"""Anything with a status: what heartbeats, services and processes share."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.schema import SchemaItem

from sentinelweb.core.folding import fold
from sentinelweb.db import Base
from sentinelweb.models.channel import Channel, monitor_channels
from sentinelweb.models.team import Team


class Monitor(Base):
    """One monitored thing. `services/transitions.py` alone writes `status` and `status_since`."""

    __tablename__ = "monitors"
    __mapper_args__ = {"polymorphic_on": "kind"}
    __table_args__: tuple[SchemaItem, ...] = (
        sa.UniqueConstraint("team_id", "alias"),
        sa.Index(
            "ix_monitors_alias",
            "alias",
            sqlite_where=sa.text("alias IS NOT NULL"),
            postgresql_where=sa.text("alias IS NOT NULL"),
        ),
        sa.Index("ix_monitors_team_id_kind_name", "team_id", "kind", "name"),
        # Whether a list has changed: asked every few seconds.
        sa.Index("ix_monitors_team_id_kind_updated_at", "team_id", "kind", "updated_at"),
        sa.Index("ix_monitors_kind_is_active_status", "kind", "is_active", "status"),
        # What went down last, of a team with ten thousand: the home page asks every few seconds.
        sa.Index("ix_monitors_latest", "team_id", "kind", "status", "status_since"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("teams.id", ondelete="CASCADE"))
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    # A name for people, unique in the team, by which only the team's ping key finds the monitor.
    alias: Mapped[str | None] = mapped_column(sa.String(80))
    name: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    tags: Mapped[list[str]] = mapped_column(default=list)
    environment: Mapped[str] = mapped_column(sa.String(50), default="")
    # All the texts above, folded, for the search; kept below.
    search_text: Mapped[str] = mapped_column(sa.Text, default="")
    status: Mapped[str] = mapped_column(sa.String(10), default="new")
    status_since: Mapped[datetime]
    is_active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)
    # Percent of the watched time that it ought to be up; NULL without an agreement.
    sla_target: Mapped[float | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    team: Mapped[Team] = relationship()
    channels: Mapped[list[Channel]] = relationship(
        secondary=monitor_channels, order_by=Channel.name, passive_deletes=True
    )

    def searched_beside(self) -> str:
        """What the search looks at beside the texts that all kinds have."""
        return ""


@event.listens_for(Monitor, "before_insert", propagate=True)
@event.listens_for(Monitor, "before_update", propagate=True)
def _keep_search_text(_mapper: object, _connection: object, monitor: Monitor) -> None:
    texts = (monitor.slug, monitor.alias, monitor.name, monitor.description, monitor.environment)
    searched = (*texts, *(monitor.tags or ()), monitor.searched_beside())
    monitor.search_text = fold("\n".join(filter(None, searched)))
