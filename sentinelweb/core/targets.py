"""The addresses of services."""

from __future__ import annotations

import re

# A host with a dot, a port or a path behind it, and nothing that says how to look at it.
_BARE = re.compile(
    r"(?:[\w-]+(?:\.[\w-]+)+\.?|localhost|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?#].*)?"
)


def with_scheme(target: str) -> str:
    """`target`, as a web address where it is one without its beginning."""
    return f"https://{target}" if _BARE.fullmatch(target) else target


def user_and_host(target: str) -> tuple[str, str]:
    """The part of a URL's authority before the last `@`, empty without one, and that after it."""
    _scheme, separator, rest = target.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0] if separator else ""
    user, _at, host = authority.rpartition("@")
    return user, host


def with_user(target: str, user: str) -> str:
    """The URL `target`, which has a user and password, with these instead."""
    scheme, _separator, rest = target.partition("://")
    return f"{scheme}://{user}{rest[len(user_and_host(target)[0]) :]}"


def without_credentials(target: str) -> str:
    """`target` as everybody may read it: without the user, password and query of a URL."""
    scheme, separator, rest = target.partition("://")
    if not separator:
        return target
    authority, slash, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
