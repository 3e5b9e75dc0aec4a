"""Services that somebody wrote down as SERVICE_* variables, and whose they are.

The server's environment has them (services/environment.py), and so has the `.env` of an agent of
seed 002 or 004 (services/env_import.py).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.models import User
from sentinelweb.probes.declared import DeclaredService, understand

__all__ = ["DeclaredService", "first_administrator", "understand"]


def first_administrator(session: Session) -> User | None:
    return session.scalars(
        sa.select(User).where(User.is_admin).order_by(User.id).limit(1)
    ).one_or_none()
