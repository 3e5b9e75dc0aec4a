"""How often somebody may try a password or ask for a mail.

Counted in Redis for all processes, and in memory while Redis is away (see extensions.limiter).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from ipaddress import IPv6Network

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter import RouteLimit
from flask_limiter.errors import RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_login import current_user

from sentinelweb.extensions import limiter
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.services.errors import BusyError

View = Callable[..., ResponseReturnValue]


def init_app(app: Flask) -> None:
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.register_error_handler(BusyError, lambda _error: _try_again(seconds=60))


def guesses_of_anybody(view: View) -> View:
    """Limit failed POSTs with an `email` field: tightly from one address, loosely from all.

    The loose limit is what a guesser with many addresses runs into. It locks the owner out as well,
    so it leaves room for a guesser who does not know of it. The last one is for a guesser who tries
    one password on everybody: each try costs the machine a hash.
    """
    view = _limit("10 per 15 minutes", _address_and_email, when=_failed)(view)
    view = _limit("100 per hour", _email, when=_failed)(view)
    return _limit("100 per 15 minutes", _network, when=_failed)(view)


def registrations(view: View) -> View:
    """Limit POSTs that may make a user: each costs the machine a hash."""
    return _limit("30 per hour", _network)(view)


def guesses_of_the_user(view: View) -> View:
    """Limit failed POSTs of one user, who may be somebody at a computer left unlocked."""
    return _limit("10 per 15 minutes", _user, when=_failed)(view)


def mails(view: View) -> View:
    """Limit POSTs that mail to the `email` field: nobody's mailbox is to be flooded."""
    view = _limit("5 per hour", _email)(view)
    return _limit("30 per hour", _network)(view)


def additions(view: View) -> View:
    """Limit POSTs of one user that mail to the `email` field, and tell whether it has an account.

    Counted for each user: nobody is to keep others from adding somebody.
    """
    view = _limit("5 per hour", _user_and_email)(view)
    return _limit("100 per hour", _user)(view)


def guesses_of_keys(refuse: View) -> View:
    """Limit refusals to one address. Whoever shows a key that is good is not refused."""
    return _limit("100 per 15 minutes", _network, of_any_method=True)(refuse)


def _limit(
    limit: str,
    key: Callable[[], str],
    when: Callable[[Response], bool] | None = None,
    *,
    of_any_method: bool = False,
) -> RouteLimit:
    methods = None if of_any_method else ["POST"]
    return limiter.limit(limit, key_func=key, methods=methods, deduct_when=when)


def _failed(response: Response) -> bool:
    """What succeeds ends in a redirect."""
    return response.status_code != 303


def _email() -> str:
    # Hashed: the limiter logs its keys, and one of them may be as long as a request.
    email = request.form.get("email", "").strip().lower()
    return hashlib.sha256(email.encode()).hexdigest()


def _network() -> str:
    """The client's address; of IPv6 the network, because whoever has one address has all of it."""
    address = get_remote_address().partition("%")[0]  # a link-local one may name an interface
    return str(IPv6Network((address, 64), strict=False)) if ":" in address else address


def _address_and_email() -> str:
    return f"{_network()} {_email()}"


def _user() -> str:
    return f"user {current_user.get_id()}"


def _user_and_email() -> str:
    return f"{_user()} {_email()}"


def _too_many(_error: RateLimitExceeded) -> tuple[str, int, dict[str, str]]:
    return _try_again(seconds_to_wait())


def seconds_to_wait() -> int:
    """How long the limit that this request exceeded refuses others like it."""
    limit = limiter.current_limit
    return max(1, math.ceil(limit.reset_at - time.time())) if limit else 60


def _try_again(seconds: int) -> tuple[str, int, dict[str, str]]:
    minutes = math.ceil(seconds / 60)
    page = render_template(
        "errors/error.html",
        code=429,
        heading=_("Too many attempts"),
        text=ngettext("Try again in a minute.", "Try again in %(n)s minutes.", minutes),
    )
    return page, 429, {"Retry-After": str(seconds)}
