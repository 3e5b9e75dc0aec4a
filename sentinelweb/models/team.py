"""A team owns monitors and channels; a new user gets a personal one, and may be in others."""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sentinelweb.db import Base
from sentinelweb.models.user import User


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


def new_ping_key() -> str:
    return secrets.token_urlsafe(16)


class Team(Base):
    """`ping_key` (128 bits) opens `/ping/<ping_key>/<alias>` for the team's monitors.

    One that `is_personal` bears the name of its only owner.
    """

    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    is_personal: Mapped[bool] = mapped_column(default=False)
    ping_key: Mapped[str] = mapped_column(sa.String(40), unique=True, default=new_ping_key)
    created_at: Mapped[datetime]

    memberships: Mapped[list[Membership]] = relationship(
        back_populates="team", cascade="all, delete-orphan"
    )


class Membership(Base):
    """A user's role in a team."""

    __tablename__ = "memberships"

    team_id: Mapped[int] = mapped_column(
        sa.ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(sa.String(20))

    team: Mapped[Team] = relationship(back_populates="memberships")
    user: Mapped[User] = relationship()
