"""Invitations: a link that lets one person make an account where registration is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.db import after_commit, db, writing
from sentinelweb.extensions import settings
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Invitation, Membership, Role, Team, User
from sentinelweb.services import accounts, teams
from sentinelweb.services.accounts import Newcomer
from sentinelweb.services.errors import InvalidInputError

LIFETIME = timedelta(days=7)

log = structlog.get_logger(__name__)


class BadInvitationError(Exception):
    """The link is forged, older than seven days, used, withdrawn, or replaced by a newer one."""


def invite(
    email: str, *, by: User | None, team: Team | None = None, role: Role | None = None
) -> Invitation:
    """Invite `email`, in place of an earlier invitation of it (into the same team, if any).

    `by` is None for a command.
    """
    email = accounts.normalize_email(email)
    if accounts.find(email):
        raise InvalidInputError("email", _("This e-mail address has an account already."))
    invitation = Invitation(
        email=email,
        invited_by_id=by.id if by else None,
        team=team,
        role=role,
        created_at=clock.now(),
    )
    with writing() as session:
        forget(session, email, team)
        session.add(invitation)
        after_commit(
            lambda: log.info("invited", invitation_id=invitation.id, by=invitation.invited_by_id)
        )
    return invitation


def link(invitation: Invitation, base_url: str) -> str:
    """The address at which to accept. The same each time, so that it can be shown again.

    It names the moment too: SQLite gives the number of a deleted row to the next one.
    """
    signed = _serializer().dumps([invitation.id, invitation.created_at.isoformat()])
    return f"{base_url}/invitation/{signed}"


def of_token(token: str) -> Invitation:
    """The invitation that may be accepted with this link; raise BadInvitationError."""
    try:
        invitation_id, created_at = _serializer().loads(token)
    except BadData as error:
        raise BadInvitationError from error
    invitation = db.session.get(Invitation, invitation_id)
    if (
        invitation is None
        or invitation.created_at.isoformat() != created_at
        or invitation.accepted_at is not None
        or expires_at(invitation) <= clock.now()
    ):
        raise BadInvitationError
    return invitation


def expires_at(invitation: Invitation) -> datetime:
    return invitation.created_at + LIFETIME


def accept(token: str, newcomer: Newcomer) -> User:
    """Make the invited person's account; the link is used up by it.

    The address is the invited one, whatever the newcomer says. Of whoever is invited into a team,
    what they make goes there.
    """
    invitation = of_token(token)
    user = accounts.build(replace(newcomer, email=invitation.email))
    with writing() as session:
        accounts.one_at_a_time(session)
        invited = _use_up(session, invitation)
        accounts.add(session, user)
        if invited.team is not None:
            teams.take_in(session, invited.team, user, Role(invited.role or Role.VIEWER))
            user.home_team_id = invited.team_id
    return user


def join(token: str, user: User) -> Invitation:
    """Let somebody who has an account join the team; the link is used up by it.

    Raise BadInvitationError if it is another person's.
    """
    invitation = of_token(token)
    if invitation.email != user.email:
        raise BadInvitationError
    with writing() as session:
        accounts.one_at_a_time(session)
        invited = _use_up(session, invitation)
        if invited.team is None:
            raise BadInvitationError  # it was deleted
        if session.get(Membership, (invited.team_id, user.id)) is None:
            teams.take_in(session, invited.team, user, Role(invited.role or Role.VIEWER))
    return invited


def _use_up(session: Session, invitation: Invitation) -> Invitation:
    invited = session.get(Invitation, invitation.id, with_for_update=True, populate_existing=True)
    if invited is None or invited.accepted_at is not None:
        raise BadInvitationError  # withdrawn or accepted a moment ago
    invited.accepted_at = clock.now()
    return invited


def pending(team: Team | None = None) -> Sequence[Invitation]:
    """Invitations that nobody accepted yet, the expired ones included, newest first.

    Those into `team`, or all.
    """
    query = sa.select(Invitation).where(Invitation.accepted_at.is_(None))
    if team is not None:
        query = query.where(Invitation.team_id == team.id)
    return db.session.scalars(
        query.order_by(Invitation.created_at.desc(), Invitation.id.desc())
    ).all()


def forget(session: Session, email: str, team: Team | None) -> None:
    """Make the pending invitations of this address into the team useless, or those into none."""
    session.execute(
        sa.delete(Invitation).where(
            Invitation.email == email,
            Invitation.team_id == (team.id if team else None),
            Invitation.accepted_at.is_(None),
        )
    )


def withdraw(invitation_id: int) -> None:
    """Make the link of a pending invitation useless."""
    with writing() as session:
        session.execute(
            sa.delete(Invitation).where(
                Invitation.id == invitation_id, Invitation.accepted_at.is_(None)
            )
        )


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().resolved_secret_key(), salt="invitation")
