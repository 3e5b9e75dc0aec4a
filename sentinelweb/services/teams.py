"""Teams: made, named, made somebody's default, and deleted. Who is in them: members.py."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.core.status import Status
from sentinelweb.db import after_commit, db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Channel, Membership, Monitor, Role, StatusPage, Team, User
from sentinelweb.services import accounts, counts, scoping
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import InvalidInputError, NotAllowedError, NotFoundError

MAX_TEAMS = 100  # of one owner
MAX_MEMBERS = 500
BATCH = 50  # monitors that are deleted in a transaction, each with its history

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """A team, what it has, and what the reader is in it; `is_home` where what they make goes."""

    team: Team
    role: Role | None
    members: int
    monitors: int
    is_home: bool = False


def of(user: User) -> list[Listed]:
    """The teams that `user` is in, that first to which belongs what they make."""
    home = scoping.home_team(user)
    query = _counted(Membership.role).join(
        Membership, sa.and_(Membership.team_id == Team.id, Membership.user_id == user.id)
    )
    rows = db.session.execute(query.order_by((Team.id == home).desc(), Team.name, Team.id))
    return [
        Listed(team, Role(role), members, monitors, is_home=team.id == home)
        for team, members, monitors, role in rows
    ]


def everyone() -> list[Listed]:
    """All teams of the server, for its operator."""
    rows = db.session.execute(_counted().order_by(Team.id))
    return [Listed(team, None, members, monitors) for team, members, monitors in rows]


def get(user: User, team_id: int, at_least: Role = Role.VIEWER) -> Team:
    """Raise NotFoundError for a team that the user is not in, NotAllowedError for a lesser role."""
    role = scoping.roles(user).get(team_id)
    if role is None:
        raise NotFoundError
    if not scoping.is_enough(role, at_least):
        raise NotAllowedError
    return db.session.get_one(Team, team_id)


def create(user: User, name: str) -> Team:
    """Make a team that `user` owns."""
    team = Team(name=_clean_name(name), created_at=clock.now())
    with writing() as session:
        accounts.one_at_a_time(session)
        owned = sa.select(sa.func.count()).where(
            Membership.user_id == user.id, Membership.role == Role.OWNER
        )
        if (session.scalar(owned) or 0) >= MAX_TEAMS:
            raise InvalidInputError("name", _("Delete teams that are no longer used first."))
        session.add(Membership(team=team, user_id=user.id, role=Role.OWNER))
        after_commit(lambda: log.info("team_created", team_id=team.id, by=user.id))
    return team


def rename(user: User, team_id: int, name: str) -> Team:
    name = _clean_name(name)
    with writing() as session:
        accounts.one_at_a_time(session)
        team = get(user, team_id, Role.ADMIN)
        if name != team.name:
            make_common(session, team)
            team.name = name
    return team


def make_home(user: User, team_id: int) -> Team:
    """What `user` makes from now on belongs to this team."""
    with writing() as session:
        accounts.one_at_a_time(session)
        team = get(user, team_id, Role.MEMBER)
        session.execute(sa.update(User).where(User.id == user.id).values(home_team_id=team.id))
    return team


def what_goes_with(team: Team) -> tuple[int, int, int]:
    """How many monitors, channels and status pages are deleted with the team."""
    monitors, channels, pages = (
        db.session.scalar(sa.select(sa.func.count()).where(model.team_id == team.id)) or 0
        for model in (Monitor, Channel, StatusPage)
    )
    return monitors, channels, pages


def delete(user: User, team_id: int) -> str:
    """Delete a team with all that it owns; return its name.

    A personal one stays, so that its owner has a place for what they make, and so does that which
    has what belongs to the server itself.
    """
    with writing() as session:
        accounts.one_at_a_time(session)
        _require_deletable(user, team_id)
    # A few at a time, as nobody else may write meanwhile: pings wait.
    while _delete_some_monitors(team_id):
        pass
    with writing() as session:
        accounts.one_at_a_time(session)
        team = _require_deletable(user, team_id)
        members = sa.select(Membership.user_id).where(Membership.team_id == team_id)
        member_ids = session.scalars(members).all()
        provide(session, member_ids, without=team_id)
        session.execute(sa.delete(Team).where(Team.id == team_id))
        after_commit(lambda: log.info("team_deleted", team_id=team_id, by=user.id))
    return team.name


def _require_deletable(user: User, team_id: int) -> Team:
    team = get(user, team_id, Role.OWNER)
    if team.is_personal:
        raise InvalidInputError("team", _("Your personal team stays as long as your account."))
    with contextlib.suppress(NotFoundError):
        if team_id == scoping.server_team():
            reason = _("This team stays: it has what belongs to the server itself.")
            raise InvalidInputError("team", reason)
    return team


def _delete_some_monitors(team_id: int) -> int:
    """Locked in the order in which pings lock what they change: the monitor, then the counts.

    Hosts go last, as services refer to theirs.
    """
    with writing() as session:
        columns = Monitor.__table__.c
        some = sa.select(columns.id, columns.kind, columns.status).where(columns.team_id == team_id)
        some = some.order_by(columns.kind == "host", columns.id).limit(BATCH)
        rows = session.execute(some.with_for_update()).all()
        ids = [row.id for row in rows]
        session.execute(sa.delete(Monitor.__table__).where(columns.id.in_(ids)))
        gone = Counter(CountKey(team_id, row.kind, Status(row.status)) for row in rows)
        counts.shift(session, {key: -count for key, count in gone.items()})
    return len(rows)


def find(team_id: int) -> Team:
    """Any team of the server; raise NotFoundError."""
    query = sa.select(Team).where(
        Team.id == team_id if 0 < team_id <= scoping.MAX_ID else sa.false()
    )
    team = db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if team is None:
        raise NotFoundError
    return team


def take_in(session: Session, team: Team, user: User, role: Role) -> Membership:
    """Add a member; needs `accounts.one_at_a_time`."""
    members = sa.select(Membership.user_id).where(Membership.team_id == team.id)
    present = session.scalars(members).all()
    if user.id in present:
        raise InvalidInputError("email", _("They are in the team already."))
    if len(present) >= MAX_MEMBERS:
        raise InvalidInputError("email", _("A team has at most %(n)s members.", n=MAX_MEMBERS))
    if role == Role.OWNER:
        make_common(session, team)
    member = Membership(team=team, user=user, role=role)
    session.add(member)
    session.flush()
    return member


def provide(session: Session, user_ids: Iterable[int], *, without: int | None = None) -> None:
    """Give each a team who has none left to make things in, the one `without` aside.

    Everybody always has one.
    """
    makers = sa.select(Membership.user_id).where(
        Membership.role != Role.VIEWER, Membership.team_id.is_distinct_from(without)
    )
    left = sa.select(User).where(User.id.in_(list(user_ids)), User.id.not_in(makers))
    for user in session.scalars(left).all():
        accounts.give_team(session, user)


def make_common(session: Session, team: Team) -> None:
    """Let a personal team be nobody's own: it keeps its name when its owner takes another one.

    What the owner makes goes on going there.
    """
    if team.is_personal:
        owners = sa.select(Membership.user_id).where(
            Membership.team_id == team.id, Membership.role == Role.OWNER
        )
        session.execute(
            sa.update(User)
            .where(User.id.in_(owners), User.home_team_id.is_(None))
            .values(home_team_id=team.id),
            execution_options={"synchronize_session": "fetch"},
        )
        team.is_personal = False


def _counted(*columns: sa.SQLColumnExpression[str]) -> sa.Select[Any]:
    members, monitors = (
        sa.select(sa.func.count()).where(model.team_id == Team.id).correlate(Team).scalar_subquery()
        for model in (Membership, Monitor)
    )
    return sa.select(Team, members.label("members"), monitors.label("monitors"), *columns)


def _clean_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise InvalidInputError("name", _("Enter a name."))
    accounts.check_name(name)
    return name
