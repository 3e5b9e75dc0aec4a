"""Texts without what nobody may read."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#@]*@")
_QUERY = re.compile(r"(://[^\s?#]*)[?#]\S*")
_AUTHORIZATION = re.compile(r"\b(bearer|basic|token)[ :]+\S+", re.IGNORECASE)
_VALUE = re.compile(r"\b([\w-]*(?:password|secret|token|key)[\w-]*)\s*[=:]\s*\S+", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """`text` without users, passwords and queries of URLs, and without values named as secrets.

    What an agent writes about its services may hold any of these.
    """
    text = _CREDENTIALS.sub("", text)
    text = _QUERY.sub(r"\1", text)
    text = _AUTHORIZATION.sub(r"\1 …", text)
    return _VALUE.sub(r"\1=…", text)
