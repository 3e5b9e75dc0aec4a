"""HTTP headers that people write down, one a line."""

from __future__ import annotations

import re

from sentinelweb.i18n import gettext as _

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
# HTTP's own: another value would break the request, or smuggle a second one into it.
_OWN = {"content-length", "transfer-encoding", "connection", "upgrade", "expect"}


def parse_headers(text: str, *, host: bool = False) -> dict[str, str]:
    """The headers in lines of `Name: value`; `host` allows that one too.

    Raise ValueError with a sentence for the person who wrote them.
    """
    headers: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not _NAME.fullmatch(name):
            raise ValueError(_("Write one header a line, as in “Authorization: Bearer abc”."))
        if name.lower() in _OWN or (name.lower() == "host" and not host):
            raise ValueError(_("The header %(name)s cannot be set.", name=name))
        if not all(" " <= char <= "~" for char in value):
            raise ValueError(
                _("The value of %(name)s holds a character that is not allowed.", name=name)
            )
        headers[name] = value
    return headers
