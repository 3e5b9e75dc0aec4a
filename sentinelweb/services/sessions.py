"""Sessions: whose one is, and how it ends.

A session is a signed cookie, which whoever copied it still holds when the browser has forgotten it.
So the server remembers which ones were ended until no copy can be used any more.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

import sqlalchemy as sa
import structlog

from sentinelweb import clock
from sentinelweb.db import db, writing
from sentinelweb.models import EndedSession, User
from sentinelweb.services import accounts, passwords

LIFETIME = timedelta(days=30)  # from the last use of its cookie

log = structlog.get_logger(__name__)


def new_id() -> str:
    return secrets.token_urlsafe(16)


def user_of(user_key: str, session_id: str) -> User | None:
    """The user whose `get_id()` a session holds, unless the session was ended since."""
    id_text, _dot, nonce = user_key.partition(".")
    if not (id_text.isascii() and id_text.isdigit()):
        return None
    user = accounts.get(int(id_text))
    if user is None or not secrets.compare_digest(user.session_nonce.encode(), nonce.encode()):
        return None
    ended = sa.exists().where(EndedSession.session_id == session_id)
    return None if db.session.scalar(sa.select(ended)) else user


def end(session_id: str) -> None:
    """Log out the one browser that has this session, and whoever copied its cookie."""
    with writing() as session:
        session.add(EndedSession(session_id=session_id, created_at=clock.now()))


def end_all(user: User) -> None:
    """Log `user` out everywhere; reset links die too."""
    with writing() as session:
        session.execute(
            sa.update(User).where(User.id == user.id).values(session_nonce=passwords.new_nonce())
        )
    log.info("sessions_ended", user_id=user.id)
