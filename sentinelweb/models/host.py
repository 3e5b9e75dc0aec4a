"""A machine whose figures we know: our own, or one whose agent reports to us."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.models.monitor import Monitor


class Host(Monitor):
    """A monitor that is down when it goes silent.

    `is_local` is the machine that SentinelWeb runs on; it reports to itself. An agent shows the
    bearer key whose SHA-256 is `key_hash` (hexadecimal); `key_hint` is the key's beginning, for
    people. `silent_after` is in seconds; `overdue_at` is when silence becomes an alarm, and NULL
    while it cannot (never seen, down, paused).

    `relay_code` is what HEARTBEAT_URL answers, as far as confirmed (NULL: nothing);
    `relay_next_code` is what it answered last, so many times in a row.
    """

    __tablename__ = "hosts"
    __mapper_args__ = {"polymorphic_identity": "host"}
    __table_args__ = (
        sa.Index(
            "ix_hosts_overdue_at",
            "overdue_at",
            sqlite_where=sa.text("overdue_at IS NOT NULL"),
            postgresql_where=sa.text("overdue_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(
        sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    is_local: Mapped[bool] = mapped_column(default=False)
    key_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    key_hint: Mapped[str] = mapped_column(sa.String(12), default="")
    silent_after: Mapped[int] = mapped_column(default=60)
    last_report_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    agent: Mapped[str] = mapped_column(sa.String(100), default="")
    # All is taken to be well until told otherwise, so that a first 200 is no news.
    relay_code: Mapped[int | None] = mapped_column(default=200)
    relay_next_code: Mapped[int | None]
    relay_next_count: Mapped[int] = mapped_column(default=0)
