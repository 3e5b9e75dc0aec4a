"""A part of SentinelWeb itself, and when it was last seen alive."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sentinelweb.db import Base


class Component(Base):
    """`name` is `scheduler`, `worker`, `audit` or `cycle`. In the database: it outlives Redis."""

    __tablename__ = "components"

    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    seen_at: Mapped[datetime]
