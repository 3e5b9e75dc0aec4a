"""The keys by which programs act for a team: made, shown once, revoked, and looked up."""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

import sqlalchemy as sa

from config import Settings
from sentinelweb import clock
from sentinelweb.core.credentials import hash_of
from sentinelweb.db import db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import ApiKey, Role, User
from sentinelweb.services import scoping
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.scoping import Program

PREFIX = "swk_"  # by which scanners of repositories may know a key
KEY_BYTES = 24
HINT_LENGTH = 8
MAX_KEYS = 100  # of a team
MAX_KEY = 200
# Uses are noted this seldom: an API that is asked a hundred times a second must not write as often.
NOTED_EVERY = timedelta(minutes=1)


def of_teams(user: User) -> list[ApiKey]:
    """The keys of the teams in which they are the user's business, the newest first."""
    teams = scoping.team_ids(user, Role.ADMIN)
    query = sa.select(ApiKey).where(ApiKey.team_id.in_(teams))
    return list(db.session.scalars(query.order_by(ApiKey.id.desc())))


def get(user: User, key_id: int) -> ApiKey:
    """Raise NotFoundError for a key that is none of `of_teams`."""
    found = next((key for key in of_teams(user) if key.id == key_id), None)
    if found is None:
        raise NotFoundError
    return found


def create(user: User, *, name: str, can_write: bool) -> tuple[ApiKey, str]:
    """Make a key of the user's own team; return it with its secret, which is kept nowhere."""
    secret = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    with writing() as session:
        team_id = scoping.administered_home(user)
        count = session.scalar(sa.select(sa.func.count()).where(ApiKey.team_id == team_id)) or 0
        if count >= MAX_KEYS:
            raise InvalidInputError("name", _("Revoke keys that are no longer used first."))
        key = ApiKey(
            team_id=team_id,
            name=name,
            key_hash=hash_of(secret),
            hint=secret[:HINT_LENGTH],
            can_write=can_write,
            created_at=clock.now(),
        )
        session.add(key)
    return key, secret


def revoke(user: User, key_id: int) -> str:
    """Make a key useless from now on. Return its name."""
    with writing() as session:
        key = get(user, key_id)
        session.delete(key)
    return key.name


def authenticate(secret: str, settings: Settings) -> Program | None:
    """Who shows `secret`: ADMIN_TOKEN or a team's key; None for neither."""
    if not secret or len(secret) > MAX_KEY:
        return None
    if is_admin_token(secret, settings):
        return Program(None, can_write=True)
    # The time that the index takes tells about hashes, of which nobody can choose the beginning.
    key = db.session.scalars(
        sa.select(ApiKey).where(ApiKey.key_hash == hash_of(secret))
    ).one_or_none()
    if key is None:
        return None
    _note_use(key)
    return Program(key.team_id, key.can_write)


def is_admin_token(secret: str, settings: Settings) -> bool:
    return settings.admin_token is not None and hmac.compare_digest(
        secret.encode("utf-8", "replace"), settings.admin_token.encode()
    )


def _note_use(key: ApiKey) -> None:
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at >= NOTED_EVERY:
        with writing() as session:
            session.execute(sa.update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
