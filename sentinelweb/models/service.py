"""Something that we probe, or that an agent probes for us."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sentinelweb.core.targets import without_credentials
from sentinelweb.models.host import Host
from sentinelweb.models.monitor import Monitor

RECENT_RESULTS = 40


class Service(Monitor):
    """Seeds 002 and 004's service. `interval` and `timeout` are in seconds.

    `probe` is the kind of the Probe that `target` needs, or `agent` for a service that the agent of
    `host_id` looks at, and calls `reported_as`. `options` holds what that Probe declares, its
    secrets included: never log it. A `timeout` or `threshold` of NULL is the setting's.
    `from_environment`: made from SERVICE_URL_*, and changed only there.

    `next_check_at` is when it is due, and NULL for one that is not probed (paused, an agent's).
    Claiming it sets `claimed_at`, and `next_check_at` to the end of the lease, so that a worker
    that dies gives it back.

    The `last_` columns are the latest result's, `failures` counts those in a row, and `recent` has
    a letter for each of the last RECENT_RESULTS (see core/results.py), the newest at its end.
    """

    __tablename__ = "services"
    __mapper_args__ = {"polymorphic_identity": "service"}
    __table_args__ = (
        sa.UniqueConstraint("host_id", "reported_as"),
        sa.Index(
            "ix_services_next_check_at",
            "next_check_at",
            sqlite_where=sa.text("next_check_at IS NOT NULL"),
            postgresql_where=sa.text("next_check_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_services_claimed_at",
            "claimed_at",
            sqlite_where=sa.text("claimed_at IS NOT NULL"),
            postgresql_where=sa.text("claimed_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_services_failures",
            "failures",
            sqlite_where=sa.text("failures > 0"),
            postgresql_where=sa.text("failures > 0"),
        ),
    )

    id: Mapped[int] = mapped_column(
        sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True
    )
    # No cascade: it would delete this row and leave the monitor that it belongs to.
    host_id: Mapped[int | None] = mapped_column(sa.ForeignKey("hosts.id"))
    reported_as: Mapped[str | None] = mapped_column(sa.String(200))
    target: Mapped[str] = mapped_column(sa.Text)
    probe: Mapped[str] = mapped_column(sa.String(10))
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    interval: Mapped[int] = mapped_column(default=60)
    timeout: Mapped[int | None]
    threshold: Mapped[int | None]
    from_environment: Mapped[bool] = mapped_column(default=False)
    next_check_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    last_check_at: Mapped[datetime | None]
    last_result: Mapped[str | None] = mapped_column(sa.String(10))
    last_latency_ms: Mapped[float | None]
    last_status_code: Mapped[int | None]
    last_error: Mapped[str] = mapped_column(sa.String(300), default="")
    failures: Mapped[int] = mapped_column(default=0)
    recent: Mapped[str] = mapped_column(sa.String(RECENT_RESULTS), default="")
    certificate_expires_at: Mapped[datetime | None]

    host: Mapped[Host | None] = relationship(
        foreign_keys=host_id, primaryjoin=lambda: Service.host_id == Host.__table__.c.id
    )

    def searched_beside(self) -> str:
        return without_credentials(self.target)
