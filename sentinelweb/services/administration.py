"""What only administrators may do to other users. There is always an administrator left."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session, aliased

from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Membership, Monitor, Team, User
from sentinelweb.services import accounts, members
from sentinelweb.services.errors import InvalidInputError, NotFoundError

log = structlog.get_logger(__name__)


def user(user_id: int) -> User:
    """The user of this id; raise NotFoundError."""
    found = accounts.get(user_id)
    if found is None:
        raise NotFoundError
    return found


def everybody() -> Sequence[User]:
    return db.session.scalars(sa.select(User).order_by(User.name, User.email)).all()


def set_administrator(user: User, *, is_admin: bool, by: User) -> None:
    """Make `user` an administrator or an ordinary user; there is always an administrator left."""
    with writing() as session:
        accounts.one_at_a_time(session)
        _require_administrator(session, by)
        session.execute(sa.update(User).where(User.id == user.id).values(is_admin=is_admin))
        if not session.scalar(sa.select(sa.exists().where(User.is_admin))):
            raise InvalidInputError("user", _("There must be an administrator left."))
    log.info("administrator_changed", user_id=user.id, is_admin=is_admin, by=by.id)


def monitors_lost_with(user: User) -> int:
    """How many monitors go when `user` is deleted: those of teams that nobody else is in."""
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(Monitor)
            .where(Monitor.team_id.in_(_teams_of_nobody_but(user)))
        )
        or 0
    )


def delete(user: User, *, by: User) -> None:
    """Remove `user`, and the teams that nobody else is in with all that they own.

    Other teams that they alone own get a new owner.
    """
    if user.id == by.id:
        raise InvalidInputError("user", _("You cannot delete yourself."))
    with writing() as session:
        accounts.one_at_a_time(session)
        _require_administrator(session, by)
        teams = session.scalars(_teams_of_nobody_but(user)).all()
        members.hand_over(session, members.heirs(user))
        # As pings do: first the monitors, then what counts them.
        session.execute(sa.select(Monitor.id).where(Monitor.team_id.in_(teams)).with_for_update())
        session.execute(sa.delete(Team).where(Team.id.in_(teams)))
        session.execute(sa.delete(User).where(User.id == user.id))
    log.info("user_deleted", user_id=user.id, by=by.id)


def _require_administrator(session: Session, user: User) -> None:
    """Of two administrators who demote each other at once, the second is none any more."""
    if not session.scalar(sa.select(User.is_admin).where(User.id == user.id)):
        raise InvalidInputError("user", _("Only administrators may do this."))


def _teams_of_nobody_but(user: User) -> sa.Select[int]:
    other = aliased(Membership)
    return (
        sa.select(Membership.team_id)
        .where(Membership.user_id == user.id)
        .where(~sa.exists().where(other.team_id == Membership.team_id, other.user_id != user.id))
    )
