"""Who may see and change what: everything belongs to a team, and people see what belongs to theirs.

A viewer changes nothing. A member changes monitors and status pages, an admin channels and keys
too, and an owner everything. What a program may do is said by its key instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.db import db
from sentinelweb.models import Channel, Membership, Monitor, Role, StatusPage, Team, User
from sentinelweb.services.errors import NotAllowedError, NotFoundError

MAX_ID = 2**31 - 1  # a larger one cannot be asked of PostgreSQL

_RANKS = {
    role: rank for rank, role in enumerate((Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER))
}

Owned = TypeVar("Owned", bound=Monitor | Channel | StatusPage)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that acts by a key: for one team, or for all of them (`team_id` None)."""

    team_id: int | None
    can_write: bool = False


Actor: TypeAlias = User | Program


def team_ids(actor: Actor, at_least: Role = Role.VIEWER) -> list[int]:
    """The teams whose things `actor` may see, or those in which their role is `at_least` that."""
    if isinstance(actor, Program):
        if actor.team_id is not None:
            return [actor.team_id]
        return list(db.session.scalars(sa.select(Team.id)))
    return [id_ for id_, role in roles(actor).items() if _RANKS[role] >= _RANKS[at_least]]


def roles(user: User) -> dict[int, Role]:
    """What `user` is in each of their teams."""
    query = sa.select(Membership.team_id, Membership.role).where(Membership.user_id == user.id)
    return {team_id: Role(role) for team_id, role in db.session.execute(query)}


def role_to_change(model: type[Owned]) -> Role:
    """The least role in whose hands the things of `model` are."""
    return Role.ADMIN if issubclass(model, Channel) else Role.MEMBER


def is_enough(role: Role | None, needed: Role) -> bool:
    return role is not None and _RANKS[role] >= _RANKS[needed]


def require(actor: Actor, team_id: int, needed: Role) -> None:
    """Raise NotAllowedError if the role of `actor` in the team is less."""
    if isinstance(actor, User) and not is_enough(roles(actor).get(team_id), needed):
        raise NotAllowedError


def home_team(actor: Actor) -> int:
    """The team that what `actor` makes belongs to.

    Of a user the personal one, of which they are the owner; of a program that acts for all teams,
    the first administrator's. Raise NotFoundError while there is no administrator, and
    NotAllowedError for a user who is no more than a viewer anywhere.
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
        .where(Membership.user_id == actor.id, Membership.role != Role.VIEWER)
        .order_by(
            sa.and_(Team.is_personal, Membership.role == Role.OWNER).desc(),
            Team.id,
        )
        .limit(1)
    )
    team_id = db.session.scalars(query).one_or_none()
    if team_id is None:
        raise NotAllowedError
    return team_id


def owned(actor: Actor, model: type[Owned], id_: int, *, to_change: bool = False) -> Owned:
    """The row `id_` of `model`; raise NotFoundError if it is none of the actor's teams'.

    Where it is asked for `to_change` it, raise NotAllowedError if the actor's role is too low.
    """
    found = _owned(actor, model, id_, db.session())
    if to_change:
        require(actor, found.team_id, role_to_change(model))
    return found


def owned_for_update(actor: Actor, model: type[Owned], id_: int, session: Session) -> Owned:
    """As `owned` to change it, read anew and locked until the transaction of `writing()` ends."""
    found = _owned(actor, model, id_, session, lock=True)
    require(actor, found.team_id, role_to_change(model))
    return found


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
