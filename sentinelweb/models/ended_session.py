"""A session that somebody logged out of."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base


class EndedSession(Base):
    """Remembered until its cookie has expired. Logged out of twice at once, it is here twice."""

    __tablename__ = "ended_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(sa.String(32), index=True)
    created_at: Mapped[datetime]
