"""Invitations: a link that lets one person make an account where registration is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from itsdangerous import BadData, URLSafeSerializer

from sentinelweb import clock
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Invitation, User
from sentinelweb.services import accounts
from sentinelweb.services.accounts import Newcomer
from sentinelweb.services.errors import InvalidInputError

LIFETIME = timedelta(days=7)

log = structlog.get_logger(__name__)


class BadInvitationError(Exception):
    """The link is forged, older than seven days, used, withdrawn, or replaced by a newer one."""


def invite(email: str, *, by: User | None) -> Invitation:
    """Invite `email`, in place of an earlier invitation of it. `by` is None for a command."""
    email = accounts.normalize_email(email)
    if accounts.find(email):
        raise InvalidInputError("email", _("This e-mail address has an account already."))
    invitation = Invitation(
        email=email, invited_by_id=by.id if by else None, created_at=clock.now()
    )
    with writing() as session:
        session.execute(
            sa.delete(Invitation).where(Invitation.email == email, Invitation.accepted_at.is_(None))
        )
        session.add(invitation)
    log.info("invited", invitation_id=invitation.id, by=invitation.invited_by_id)
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

    The address is the invited one, whatever the newcomer says.
    """
    invitation = of_token(token)
    user = accounts.build(replace(newcomer, email=invitation.email))
    with writing() as session:
        accounts.one_at_a_time(session)
        invited = session.get(
            Invitation, invitation.id, with_for_update=True, populate_existing=True
        )
        if invited is None or invited.accepted_at is not None:
            raise BadInvitationError  # withdrawn or accepted a moment ago
        invited.accepted_at = user.created_at
        return accounts.add(session, user)


def pending() -> Sequence[Invitation]:
    """Invitations that nobody accepted yet, the expired ones included, newest first."""
    return db.session.scalars(
        sa.select(Invitation)
        .where(Invitation.accepted_at.is_(None))
        .order_by(Invitation.created_at.desc(), Invitation.id.desc())
    ).all()


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
