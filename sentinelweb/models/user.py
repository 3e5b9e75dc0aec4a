"""A person who may log in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sentinelweb.db import Base

if TYPE_CHECKING:
    from sentinelweb.models.team import Team


class User(UserMixin, Base):
    """`home_team_id`: where what they make goes, if they chose it (scoping.home_team)."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    is_admin: Mapped[bool] = mapped_column(default=False)
    locale: Mapped[str | None] = mapped_column(sa.String(20))
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    # Part of every session and reset link: a new value ends them all at once.
    session_nonce: Mapped[str] = mapped_column(sa.String(32))
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    home_team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("teams.id", ondelete="SET NULL"))

    def get_id(self) -> str:
        """What Flask-Login keeps in the session and the "remember me" cookie."""
        return f"{self.id}.{self.session_nonce}"


class Invitation(Base):
    """Lets one person register where registration is by invitation, and join a team by it.

    `role` is what they become in `team`.
    """

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254), index=True)
    invited_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("users.id", ondelete="SET NULL")
    )
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("teams.id", ondelete="SET NULL"))
    role: Mapped[str | None] = mapped_column(sa.String(20))
    created_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]

    invited_by: Mapped[User | None] = relationship()
    team: Mapped[Team | None] = relationship()
