"""Who may see what: everything belongs to a team, and people see what belongs to theirs."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.db import db
from sentinelweb.models import Channel, Membership, Monitor, Role, Team, User
from sentinelweb.services.errors import NotFoundError

MAX_ID = 2**31 - 1  # a larger one cannot be asked of PostgreSQL


Owned = TypeVar("Owned", bound=Monitor | Channel)


def team_ids(user: User) -> list[int]:
    """The teams whose things `user` may see."""
    query = sa.select(Membership.team_id).where(Membership.user_id == user.id)
    return list(db.session.scalars(query))


def home_team(user: User) -> int:
    """The team that what `user` makes belongs to: the personal one, of which they are the owner."""
    query = (
        sa.select(Team.id)
        .join(Membership)
        .where(Membership.user_id == user.id)
        .order_by(
            sa.and_(Team.is_personal, Membership.role == Role.OWNER).desc(),
            Team.id,
        )
        .limit(1)
    )
    return db.session.scalars(query).one()


def owned(user: User, model: type[Owned], id_: int) -> Owned:
    """The row `id_` of `model`; raise NotFoundError if it is none of the user's teams'."""
    return _owned(user, model, id_, db.session())


def owned_for_update(user: User, model: type[Owned], id_: int, session: Session) -> Owned:
    """As `owned`, read anew and locked until the transaction of `writing()` ends."""
    return _owned(user, model, id_, session, lock=True)


def _owned(
    user: User, model: type[Owned], id_: int, session: Session, *, lock: bool = False
) -> Owned:
    if not 0 < id_ <= MAX_ID:
        raise NotFoundError
    query = sa.select(model).where(model.id == id_, model.team_id.in_(team_ids(user)))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError
    return found
