"""Passwords: what is accepted, how they are kept, and how they are changed."""

from __future__ import annotations

import contextlib
import functools
import secrets
import threading
from collections.abc import Iterator

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

from sentinelweb import clock
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.i18n import gettext as _
from sentinelweb.models import User
from sentinelweb.services.errors import BusyError, InvalidInputError

MIN_CHARACTERS = 10
MAX_BYTES = 1_000  # more protects no better, and a megabyte costs time to hash
RESET_SECONDS = 2 * 3_600

log = structlog.get_logger(__name__)

_hasher = PasswordHasher()  # RFC 9106, second recommendation: 64 MiB, 3 passes
# A burst of logins must queue for the memory that a hash takes, not exhaust the machine's. And few
# may queue: a flood of guesses would otherwise hold every thread that answers requests for pages.
_hashing = threading.BoundedSemaphore(4)
ADMITTED = 6
_admitted = threading.BoundedSemaphore(ADMITTED)


class BadResetLinkError(Exception):
    """The link is forged, older than two hours, used, or from before a password change."""


def new_nonce() -> str:
    """A new `User.session_nonce`: ends all sessions and reset links of the user."""
    return secrets.token_urlsafe(16)


def hash_password(password: str) -> str:
    """Raise BusyError when too many wait for one already."""
    with _turn():
        return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the one whose hash is `stored`.

    Takes as long when there is none: the time of a login tells nothing about who has an account.
    Raise BusyError when too many wait for one already.
    """
    dummy = _dummy_hash()
    try:
        with _turn():
            return _hasher.verify(stored or dummy, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    if not _admitted.acquire(blocking=False):
        raise BusyError
    try:
        with _hashing:
            yield
    finally:
        _admitted.release()


def improved(stored: str, password: str) -> str | None:
    """A new hash where `stored` was made with weaker parameters than today's."""
    return hash_password(password) if _hasher.check_needs_rehash(stored) else None


def check_acceptable(password: str, email: str) -> None:
    """Raise InvalidInputError with the reason why `password` cannot be the one of `email`."""
    if len(password) < MIN_CHARACTERS:
        raise InvalidInputError("password", _("Use at least %(n)s characters.", n=MIN_CHARACTERS))
    if len(password.encode()) > MAX_BYTES:
        raise InvalidInputError("password", _("Use at most %(n)s bytes.", n=MAX_BYTES))
    if password.strip().lower() == email:
        raise InvalidInputError("password", _("Choose a password that is not your e-mail address."))


def change(user: User, current: str, new: str) -> None:
    """Replace the password of `user`, who knows it. Ends all sessions and reset links."""
    if not verify(user.password_hash, current):
        raise InvalidInputError("current_password", _("This is not your current password."))
    check_acceptable(new, user.email)
    if not _replace(user.id, user.session_nonce, new):
        raise InvalidInputError(
            "current_password", _("The password has just been changed from elsewhere.")
        )
    log.info("password_changed", user_id=user.id)


def reset_link(user: User, base_url: str) -> str:
    """The address at which a new password can be chosen, once, within two hours."""
    return f"{base_url}/reset-password/{_serializer().dumps([user.id, user.session_nonce])}"


def user_of_reset_token(token: str) -> User:
    """Whose password the link may reset; raise BadResetLinkError when it may not, or no longer."""
    try:
        user_id, nonce = _serializer().loads(token, max_age=RESET_SECONDS)
    except BadData as error:
        raise BadResetLinkError from error
    user = db.session.get(User, user_id)
    if user is None or not secrets.compare_digest(user.session_nonce, nonce):
        raise BadResetLinkError
    return user


def reset(token: str, new: str) -> User:
    """Give the bearer of a reset link the password `new`; the link is used up by it."""
    user = user_of_reset_token(token)
    check_acceptable(new, user.email)
    if not _replace(user.id, user.session_nonce, new):
        raise BadResetLinkError  # the same link was used a moment ago
    log.info("password_reset", user_id=user.id)
    return user


def _replace(user_id: int, nonce: str, password: str) -> bool:
    """Set the password if `nonce` is still the user's: of two changes at once, one is made."""
    password_hash = hash_password(password)
    with writing() as session:
        user = session.get(User, user_id, with_for_update=True, populate_existing=True)
        if user is None or user.session_nonce != nonce:
            return False
        user.password_hash = password_hash
        user.session_nonce = new_nonce()
    return True


class _Signer(TimestampSigner):
    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())


def _serializer() -> URLSafeTimedSerializer:
    key = settings().resolved_secret_key()
    return URLSafeTimedSerializer(key, salt="password-reset", signer=_Signer)


@functools.cache
def _dummy_hash() -> str:
    return hash_password(secrets.token_urlsafe(16))
