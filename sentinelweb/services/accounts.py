"""Users: how they are made, known again and changed."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from flask import current_app
from sqlalchemy.orm import Session

from config import ConfigurationError, Settings
from sentinelweb import clock, i18n
from sentinelweb.db import after_commit, db, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Membership, Role, Team, User
from sentinelweb.services import passwords
from sentinelweb.services.errors import InvalidInputError, NotFoundError

MAX_NAME = 100
MAX_ID = 2**31 - 1  # a larger one cannot be asked of PostgreSQL

# A monitor of a local network may know its people by names that the world does not.
SPECIAL_USE_DOMAIN_NAMES[:] = sorted({*SPECIAL_USE_DOMAIN_NAMES} - {"local", "localhost"})

log = structlog.get_logger(__name__)


class AlreadySetUpError(NotFoundError):
    """There is a user already, so the first administrator cannot be made."""


def normalize_email(text: str) -> str:
    """The one spelling under which an address is kept; raise InvalidInputError when it is none."""
    try:
        return validate_email(
            text.strip(), check_deliverability=False, globally_deliverable=False
        ).normalized.lower()
    except EmailNotValidError as error:
        raise InvalidInputError("email", _("This is not an e-mail address.")) from error


def is_set_up() -> bool:
    """Whether any user exists. Asked before every page; a yes stays true, and is remembered."""
    if "users_exist" not in current_app.extensions:
        if not _anybody(db.session()):
            return False
        current_app.extensions["users_exist"] = True
    return True


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a person gives to become a user; without a name, the address tells it."""

    email: str
    password: str = field(repr=False)
    name: str = ""
    locale: str | None = None
    timezone: str | None = None


def create_first_administrator(newcomer: Newcomer) -> User:
    """Make the first user, an administrator; raise AlreadySetUpError if somebody was quicker."""
    user = build(newcomer)
    with writing() as session:
        one_at_a_time(session)
        if _anybody(session):
            raise AlreadySetUpError
        return add(session, user, is_admin=True)


def ensure_first_administrator(settings: Settings) -> User | None:
    """Make the administrator of ADMIN_EMAIL and ADMIN_PASSWORD unless a user exists.

    Raise ConfigurationError when the two cannot be used.
    """
    if not (settings.admin_email or settings.admin_password) or is_set_up():
        return None
    if not settings.admin_email or not settings.admin_password:
        raise ConfigurationError("ADMIN_EMAIL and ADMIN_PASSWORD must be set together")
    try:
        return create_first_administrator(Newcomer(settings.admin_email, settings.admin_password))
    except InvalidInputError as error:
        raise ConfigurationError(f"ADMIN_{error.field.upper()}: {error.message}") from error
    except AlreadySetUpError:
        return None  # another machine's release step was quicker


def first_administrator() -> User | None:
    """Whose team gets what belongs to the server itself; None before the set-up."""
    return db.session.scalars(
        sa.select(User).where(User.is_admin).order_by(User.id).limit(1)
    ).one_or_none()


def create(newcomer: Newcomer, *, is_admin: bool = False) -> User:
    """Make a user with a personal team. The first user is an administrator in any case."""
    user = build(newcomer)
    with writing() as session:
        one_at_a_time(session)
        return add(session, user, is_admin=is_admin or not _anybody(session))


def build(newcomer: Newcomer) -> User:
    """Check what a newcomer gave and hash the password, which is slow: before the transaction."""
    email = normalize_email(newcomer.email)
    name = _clean_name(newcomer.name, email)
    _check_preferences(newcomer.locale, newcomer.timezone)
    passwords.check_acceptable(newcomer.password, email)
    return User(
        email=email,
        name=name,
        password_hash=passwords.hash_password(newcomer.password),
        session_nonce=passwords.new_nonce(),
        locale=newcomer.locale,
        timezone=newcomer.timezone,
        created_at=clock.now(),
    )


def one_at_a_time(session: Session) -> None:
    """Let no other transaction add or change users and members until this one ends.

    Whoever then asks "is there a user", "is this address free" or "is there another owner" gets an
    answer that holds until the commit. It is the first lock that is taken: whoever has one of a
    team already would wait for those who wait for it. SQLite has one writer at any time.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


def add(session: Session, user: User, *, is_admin: bool = False) -> User:
    """Store a user that was built, with a personal team; needs `one_at_a_time`."""
    if session.scalar(sa.select(sa.exists().where(User.email == user.email))):
        raise InvalidInputError("email", _("This e-mail address has an account already."))
    user.is_admin = is_admin
    give_team(session, user)
    after_commit(lambda: log.info("user_created", user_id=user.id, is_admin=is_admin))
    return user


def give_team(session: Session, user: User) -> None:
    """Make a personal team for `user`."""
    team = Team(name=user.name, is_personal=True, created_at=clock.now())
    session.add(Membership(team=team, user=user, role=Role.OWNER))
    session.flush()


def authenticate(email: str, password: str) -> User | None:
    """The user with this address and password; None if there is none."""
    user = find(email)
    if not passwords.verify(user.password_hash if user else None, password) or user is None:
        return None
    if better := passwords.improved(user.password_hash, password):
        with writing() as session:
            # Compared, so that a password changed at this moment is not changed back.
            session.execute(
                sa.update(User)
                .where(User.id == user.id, User.password_hash == user.password_hash)
                .values(password_hash=better)
            )
    return user


def note_login(user: User) -> None:
    with writing() as session:
        session.execute(sa.update(User).where(User.id == user.id).values(last_login_at=clock.now()))


def find(email: str) -> User | None:
    """The user with this address, however it is written."""
    try:
        email = normalize_email(email)
    except InvalidInputError:
        return None
    return db.session.scalar(sa.select(User).where(User.email == email))


def get(user_id: int) -> User | None:
    return db.session.get(User, user_id) if user_id <= MAX_ID else None


def update_profile(user: User, *, name: str, locale: str | None, timezone: str | None) -> None:
    """Change what `user` is called and reads; None stands for the browser's or server's choice."""
    name = _clean_name(name, user.email)
    _check_preferences(locale, timezone)
    with writing() as session:
        session.execute(
            sa.update(User)
            .where(User.id == user.id)
            .values(name=name, locale=locale, timezone=timezone)
        )
        session.execute(
            sa.update(Team)
            .where(
                Team.is_personal,
                Team.memberships.any(
                    sa.and_(Membership.user_id == user.id, Membership.role == Role.OWNER)
                ),
            )
            .values(name=name),
            execution_options={"synchronize_session": False},
        )


def check_name(name: str) -> None:
    """Raise InvalidInputError for what cannot be the name of a person or a team."""
    if len(name) > MAX_NAME:
        raise InvalidInputError("name", _("Use at most %(n)s characters.", n=MAX_NAME))
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise InvalidInputError("name", _("Control characters cannot be part of a name."))


def choose_locale(user: User, locale: str) -> None:
    _check_preferences(locale, None)
    with writing() as session:
        session.execute(sa.update(User).where(User.id == user.id).values(locale=locale))


def _anybody(session: Session) -> bool:
    return bool(session.scalar(sa.select(sa.exists().select_from(User))))


def _clean_name(name: str, email: str) -> str:
    """The name without space around it, else the part of the address before the @."""
    name = name.strip() or email.partition("@")[0]
    check_name(name)
    return name


def _check_preferences(locale: str | None, timezone: str | None) -> None:
    if locale is not None and locale not in i18n.LOCALES:
        raise InvalidInputError("locale", _("Choose a language from the list."))
    if timezone is not None and timezone not in i18n.timezone_names():
        raise InvalidInputError("timezone", _("Choose a time zone from the list."))
