"""Who is logged in, and which views that opens."""

from __future__ import annotations

import functools
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import abort, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user

from sentinelweb.core.credentials import shown_key
from sentinelweb.extensions import login_manager, settings
from sentinelweb.models import User
from sentinelweb.services import accounts, api_keys, sessions
from sentinelweb.services.scoping import Program

View = Callable[..., ResponseReturnValue]

SESSION_ID = "session_id"

# It tells a browser by its address, which a telephone changes all day.
login_manager.session_protection = None


def login_required(view: View) -> View:
    """Open `view` only to users; lead others to the login, and back afterwards."""

    @functools.wraps(view)
    def guarded(*args: object, **kwargs: object) -> ResponseReturnValue:
        return view(*args, **kwargs) if current_user.is_authenticated else _lead_to_login()

    return guarded


def administrator_required(view: View) -> View:
    """Open `view` only to administrators; other users are refused (403)."""

    @functools.wraps(view)
    def guarded(*args: object, **kwargs: object) -> ResponseReturnValue:
        if not current_user.is_admin:
            abort(403)
        return view(*args, **kwargs)

    return login_required(guarded)


def log_in(user: User, *, remember: bool = False) -> None:
    """Begin a new session: what somebody may have planted in the old one is gone.

    It lasts 30 days from its last use with `remember`, else until the browser is closed.
    """
    accounts.note_login(user)
    log_out()
    session.permanent = remember
    session[SESSION_ID] = sessions.new_id()
    login_user(user)


def log_out() -> None:
    """End the session, here and on the server: a copy of its cookie opens nothing any more."""
    if current_user.is_authenticated:
        sessions.end(session[SESSION_ID])
    session.clear()


@login_manager.user_loader  # type: ignore[untyped-decorator]  # flask_login has no types
def _user_of_session(user_key: str) -> User | None:
    """Only a session that is still valid is renewed: of an ended one that is known for a time."""
    user = sessions.user_of(user_key, session[SESSION_ID]) if SESSION_ID in session else None
    if user is None:
        session.clear()
    elif session.permanent:
        session.modified = True
    return user


def local_path(target: str) -> str | None:
    """`target` if it is a path on this server, whatever browsers make of it.

    They take a backslash for a slash and skip tabs and line ends: `/\\host` is another host.
    """
    if any(character <= " " or character in "\\\x7f" for character in target):
        return None
    parts = urlsplit(target)
    is_path = target.startswith("/") and not target.startswith("//")
    return target if is_path and not parts.scheme and not parts.netloc else None


@login_manager.unauthorized_handler  # type: ignore[untyped-decorator]  # flask_login has no types
def _lead_to_login() -> ResponseReturnValue:
    # Only what is opened by an address can be gone back to.
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("accounts.login", next=target), 303)


def program_of_request() -> Program | None:
    """The program that shows a key, as `X-Admin-Token` (seed 001) or as a bearer token."""
    headers = request.headers
    secret = shown_key(headers.get("X-Admin-Token", ""), headers.get("Authorization", ""))
    return api_keys.authenticate(secret, settings())
