"""Who may see what: everything belongs to a team, and people see what belongs to theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.db import db
from sentinelweb.models import Channel, Membership, Monitor, Role, StatusPage, Team, User
from sentinelweb.services.errors import NotFoundError

MAX_ID = 2**31 - 1  # a larger one cannot be asked of PostgreSQL


Owned = TypeVar("Owned", bound=Monitor | Channel | StatusPage)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that acts by a key: for one team, or for all of them (`team_id` None)."""

    team_id: int | None
    can_write: bool = False


Actor: TypeAlias = User | Program


def team_ids(actor: Actor) -> list[int]:
    """The teams whose things `actor` may see."""
    if isinstance(actor, Program):
        if actor.team_id is not None:
            return [actor.team_id]
        return list(db.session.scalars(sa.select(Team.id)))
    query = sa.select(Membership.team_id).where(Membership.user_id == actor.id)
    return list(db.session.scalars(query))


def home_team(actor: Actor) -> int:
    """The team that what `actor` makes belongs to.

    Of a user the personal one, of which they are the owner; of a program that acts for all teams,
    the first administrator's. Raise NotFoundError while there is no administrator.
    """
    if isinstance(actor, Program):
        if actor.team_id is not None:
            return actor.team_id
        first = sa.select(User).where(User.is_admin).order_by(User.id).limit(1)
        administrator = db.session.scalars(first).one_or_none()
        if administrator is None:
            raise NotFoundError
        actor = administrator
    query = (
        sa.select(Team.id)
        .join(Membership)
        .where(Membership.user_id == actor.id)
        .order_by(
            sa.and_(Team.is_personal, Membership.role == Role.OWNER).desc(),
            Team.id,
        )
        .limit(1)
    )
    return db.session.scalars(query).one()


def owned(actor: Actor, model: type[Owned], id_: int) -> Owned:
    """The row `id_` of `model`; raise NotFoundError if it is none of the actor's teams'."""
    return _owned(actor, model, id_, db.session())


def owned_for_update(actor: Actor, model: type[Owned], id_: int, session: Session) -> Owned:
    """As `owned`, read anew and locked until the transaction of `writing()` ends."""
    return _owned(actor, model, id_, session, lock=True)


def _owned(
    actor: Actor, model: type[Owned], id_: int, session: Session, *, lock: bool = False
) -> Owned:
    if not 0 < id_ <= MAX_ID:
        raise NotFoundError
    query = sa.select(model).where(model.id == id_, model.team_id.in_(team_ids(actor)))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFoundError
    return found
