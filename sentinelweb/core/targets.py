"""The addresses of services."""

from __future__ import annotations

import re


def without_credentials(target: str) -> str:
    """`target` as everybody may read it: without the user, password and query of a URL."""
    scheme, separator, rest = target.partition("://")
    if not separator:
        return target
    authority, slash, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
