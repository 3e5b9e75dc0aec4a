"""A public page of chosen monitors."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sentinelweb.db import Base
from sentinelweb.models.monitor import Monitor
from sentinelweb.models.team import Team


class Visibility(StrEnum):
    """`UNLISTED` pages are open to whoever has the address, and named nowhere."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    OFF = "off"


class StatusPage(Base):
    """`slug` is its place below `/status/`; the page that `is_first` is `/status` itself as well.

    `version` grows with every change of the page or of what it shows about itself.
    """

    __tablename__ = "status_pages"

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    visibility: Mapped[str] = mapped_column(sa.String(10), default=Visibility.PUBLIC)
    is_first: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    team: Mapped[Team] = relationship()
    items: Mapped[list[StatusPageItem]] = relationship(
        order_by="StatusPageItem.position", cascade="all, delete-orphan", passive_deletes=True
    )


class StatusPageItem(Base):
    """A monitor on a page, in the order of `position`; items of one `section` stand together.

    The flags say what of it strangers may see beside its name, status and uptime.
    """

    __tablename__ = "status_page_items"

    page_id: Mapped[int] = mapped_column(
        sa.ForeignKey("status_pages.id", ondelete="CASCADE"), primary_key=True
    )
    monitor_id: Mapped[int] = mapped_column(
        sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    section: Mapped[str] = mapped_column(sa.String(100), default="")
    position: Mapped[int] = mapped_column(default=0)
    label: Mapped[str] = mapped_column(sa.String(200), default="")
    shows_alias: Mapped[bool] = mapped_column(default=False)
    shows_last_ping: Mapped[bool] = mapped_column(default=False)
    shows_interval: Mapped[bool] = mapped_column(default=False)
    shows_latency: Mapped[bool] = mapped_column(default=False)
    shows_tags: Mapped[bool] = mapped_column(default=False)

    monitor: Mapped[Monitor] = relationship()
