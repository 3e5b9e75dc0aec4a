"""Who is in a team, and as what. A team always has an owner.

An admin decides about everybody but owners, an owner about everybody, and all may leave.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session, contains_eager

from sentinelweb.db import after_commit, db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Invitation, Membership, Role, Team, User
from sentinelweb.services import accounts, invitations, scoping, teams
from sentinelweb.services.errors import InvalidInputError, NotAllowedError, NotFoundError

log = structlog.get_logger(__name__)


def of_team(team: Team) -> list[Membership]:
    """Owners first, then by name."""
    query = (
        sa.select(Membership)
        .join(Membership.user)
        .options(contains_eager(Membership.user))
        .where(Membership.team_id == team.id)
        .order_by(User.name, User.email)
    )
    return sorted(db.session.scalars(query), key=lambda member: scoping.highest_first(member.role))


def sole_owner(members: Iterable[Membership]) -> User | None:
    """The only owner of a team, who can neither leave nor become anything else."""
    owners = [member.user for member in members if member.role == Role.OWNER]
    return owners[0] if len(owners) == 1 else None


def givable(role: Role | None) -> list[Role]:
    """The roles that somebody of this role may give to others, the lowest first."""
    if not scoping.is_enough(role, Role.ADMIN):
        return []
    lesser = [Role.VIEWER, Role.MEMBER, Role.ADMIN]
    return [*lesser, Role.OWNER] if role == Role.OWNER else lesser


def get(user: User, team_id: int, user_id: int) -> Membership:
    """Of a team that `user` is in; raise NotFoundError."""
    team = teams.get(user, team_id)
    return _member(db.session(), team.id, user_id)


def add(team_id: int, email: str, role: Role, *, by: User | None) -> Membership | Invitation:
    """Take the person of this address into the team, at once if they have an account.

    Else they are invited, by whoever may let people in. `by` is None for a command.
    """
    email = accounts.normalize_email(email)
    with writing() as session:
        accounts.one_at_a_time(session)
        team = teams.find(team_id)
        _require(by, team_id, role)
        user = accounts.find(email)
        if user is None:
            if by is not None and not by.is_admin:
                reason = _("Nobody has an account with this address. Ask an administrator.")
                raise InvalidInputError("email", reason)
            return invitations.invite(email, by=by, team=team, role=role)
        member = teams.take_in(session, team, user, role)
        invitations.forget(session, user.email, team)
        _note("member_added", team_id, user.id, by, role)
    return member


def change_role(team_id: int, user_id: int, role: Role, *, by: User | None) -> Membership:
    with writing() as session:
        accounts.one_at_a_time(session)
        member = _member(session, team_id, user_id)
        _require(by, team_id, role, Role(member.role))
        if role == Role.OWNER:
            teams.make_common(session, member.team)
        member.role = role
        _require_owner(session, team_id)
        teams.provide(session, [user_id])
        _note("role_changed", team_id, user_id, by, role)
    return member


def remove(team_id: int, user_id: int, *, by: User | None) -> User:
    """Remove somebody from the team, or let `by` leave it. What they made stays with the team."""
    with writing() as session:
        accounts.one_at_a_time(session)
        member = _member(session, team_id, user_id)
        if by is None or by.id != user_id:
            _require(by, team_id, Role(member.role))
        user = member.user
        session.delete(member)
        invitations.forget(session, user.email, member.team)
        _require_owner(session, team_id)
        teams.provide(session, [user_id])
        _note("member_removed", team_id, user_id, by)
    return user


def withdraw(team_id: int, invitation_id: int, *, by: User) -> None:
    """Make the link of an invitation into the team useless; raise NotFoundError."""
    with writing() as session:
        accounts.one_at_a_time(session)
        _require(by, team_id)
        found = {item.id: item for item in invitations.pending(teams.find(team_id))}
        if invitation_id not in found:
            raise NotFoundError
        _require(by, team_id, Role(found[invitation_id].role or Role.VIEWER))
        invitations.withdraw(invitation_id)


def heirs(user: User) -> list[tuple[Team, User]]:
    """The teams that `user` alone owns, but is not alone in, each with who would own it next."""
    mine = sa.select(Membership.team_id).where(
        Membership.user_id == user.id, Membership.role == Role.OWNER
    )
    query = (
        sa.select(Membership)
        .where(Membership.team_id.in_(mine), Membership.user_id != user.id)
        .order_by(Membership.team_id, Membership.user_id)
        .execution_options(populate_existing=True)
    )
    others: dict[int, list[Membership]] = {}
    for member in db.session.scalars(query):
        others.setdefault(member.team_id, []).append(member)
    found = []
    for members in others.values():
        highest = min(members, key=lambda member: scoping.highest_first(member.role))
        if highest.role != Role.OWNER:
            found.append((highest.team, highest.user))
    return found


def hand_over(session: Session, left: Iterable[tuple[Team, User]]) -> None:
    """Make the heirs owners. A team that was personal is so no more. Needs `one_at_a_time`."""
    for team, heir in left:
        teams.make_common(session, team)
        member = _member(session, team.id, heir.id)
        member.role = Role.OWNER
        _note("role_changed", team.id, heir.id, None, Role.OWNER)


def _require(by: User | None, team_id: int, *roles: Role) -> None:
    """Raise NotAllowedError unless `by` decides about others, and about these roles.

    Raise NotFoundError if they are not in the team.
    """
    if by is None:
        return
    own = scoping.roles(by).get(team_id)
    if own is None:
        raise NotFoundError
    may_give = givable(own)
    if not may_give or not set(roles) <= set(may_give):
        raise NotAllowedError


def _member(session: Session, team_id: int, user_id: int) -> Membership:
    found = (
        session.get(Membership, (team_id, user_id), populate_existing=True)
        if 0 < user_id <= scoping.MAX_ID
        else None
    )
    if found is None:
        raise NotFoundError
    return found


def _require_owner(session: Session, team_id: int) -> None:
    session.flush()
    owners = sa.exists().where(Membership.team_id == team_id, Membership.role == Role.OWNER)
    if not session.scalar(sa.select(owners)):
        raise InvalidInputError("role", _("A team needs an owner: make somebody else one first."))


def _note(
    event: str, team_id: int, user_id: int, by: User | None, role: Role | None = None
) -> None:
    by_id = by.id if by else None
    after_commit(lambda: log.info(event, team_id=team_id, user_id=user_id, role=role, by=by_id))
