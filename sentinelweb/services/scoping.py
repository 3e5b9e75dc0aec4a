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
from sentinelweb.models import Channel, Host, Membership, Monitor, Role, StatusPage, Team, User
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


def team_names(user: User) -> dict[int, str]:
    """What the user's teams are called."""
    query = sa.select(Team).join(Membership).where(Membership.user_id == user.id)
    return {team.id: team.name for team in db.session.scalars(query)}


def role_to_change(model: type[Owned]) -> Role:
    """The least role in whose hands the things of `model` are."""
    return Role.ADMIN if issubclass(model, Channel) else Role.MEMBER


def is_enough(role: Role | None, needed: Role) -> bool:
    return role is not None and _RANKS[role] >= _RANKS[needed]


def highest_first(role: str) -> int:
    """A key to sort by."""
    return -_RANKS[Role(role)]


def require(actor: Actor, team_id: int, needed: Role) -> None:
    """Raise NotAllowedError if the role of `actor` in the team is less."""
    if isinstance(actor, User) and not is_enough(roles(actor).get(team_id), needed):
        raise NotAllowedError


def home_team(actor: Actor) -> int:
    """The team that what `actor` makes belongs to.

    Of a user the one that they chose, else their own; of a program that acts for all teams, the
    server's. Raise NotAllowedError for a user who is no more than a viewer anywhere.
    """
    if isinstance(actor, User):
        chosen = sa.select(User.home_team_id).where(User.id == actor.id)
        team_id = _first_team(actor, Team.id == chosen.scalar_subquery())
        if team_id is None:
            raise NotAllowedError
        return team_id
    return server_team() if actor.team_id is None else actor.team_id


def administered_home(actor: Actor) -> int:
    """The home team of one who makes what only admins may; raise NotAllowedError for others."""
    team_id = home_team(actor)
    require(actor, team_id, Role.ADMIN)
    return team_id


def server_team() -> int:
    """The team that owns what belongs to the server itself.

    That of the machine that it runs on, as long as an administrator is in it: elsewhere, what the
    environment declares would be made once more. Else the first administrator's own. Raise
    NotFoundError while there is none.
    """
    administered = sa.select(Membership.team_id).join(Membership.user).where(User.is_admin)
    host = sa.select(Host.team_id).where(Host.is_local, Host.team_id.in_(administered))
    team_id = db.session.scalar(host.order_by(Host.id).limit(1))
    if team_id is None:
        first = sa.select(User).where(User.is_admin).order_by(User.id).limit(1)
        administrator = db.session.scalars(first).one_or_none()
        team_id = _first_team(administrator) if administrator else None
    if team_id is None:
        raise NotFoundError
    return team_id


def _first_team(user: User, is_chosen: sa.ColumnElement[bool] | None = None) -> int | None:
    is_owner = Membership.role == Role.OWNER
    query = (
        sa.select(Team.id)
        .join(Membership)
        .where(Membership.user_id == user.id, Membership.role != Role.VIEWER)
        .order_by(
            sa.case(
                (sa.false() if is_chosen is None else is_chosen, 0),
                (sa.and_(Team.is_personal, is_owner), 1),
                (is_owner, 2),
                else_=3,
            ),
            Team.id,
        )
        .limit(1)
    )
    return db.session.scalars(query).one_or_none()


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
