"""Secrets in what a form shows, headers and URLs: they are masked, and the mask keeps them."""

from __future__ import annotations

from sentinelweb.core.targets import user_and_host, with_user
from sentinelweb.i18n import gettext as _

# Stands for a secret wherever one is shown. A header with it for its value keeps the stored value.
MASK = "••••••••"


def masked_headers(stored: str) -> str:
    return "\n".join(f"{name}: {MASK}" for name, _value in _pairs(stored))


def unmasked_headers(typed: str, stored: str) -> str:
    """The header lines with the stored values where the mask stands for them.

    Raise ValueError with a sentence where nothing is stored.
    """
    values = {name.lower(): value for name, value in _pairs(stored)}
    lines = []
    for line in typed.splitlines():
        name, _colon, value = line.partition(":")
        if value.strip() == MASK:
            if name.strip().lower() not in values:
                raise ValueError(_("Write the value of %(name)s.", name=name.strip()[:100]))
            lines.append(f"{name}: {values[name.strip().lower()]}")
        else:
            lines.append(line)
    return "\n".join(lines)


def masked_target(stored: str) -> str:
    """An address without the user and password that it may have."""
    user, _host = user_and_host(stored)
    return with_user(stored, MASK) if user else stored


def unmasked_target(typed: str, stored: str) -> str:
    """The address with the stored user and password where the mask stands for them.

    Raise ValueError with a sentence where nothing is stored, or for another host: whoever may not
    read a password must not have it sent to a host of their own.
    """
    user, host = user_and_host(typed)
    if MASK not in user:
        return typed
    stored_user, stored_host = user_and_host(stored)
    same = typed.partition("://")[0].lower() == stored.partition("://")[0].lower()
    if user != MASK or not stored_user or not same or host.lower() != stored_host.lower():
        raise ValueError(_("Write the value of %(name)s.", name="user:password@"))
    return with_user(typed, stored_user)


def _pairs(stored: str) -> list[tuple[str, str]]:
    parts = (line.partition(":") for line in stored.splitlines())
    return [(name.strip(), value.strip()) for name, _colon, value in parts]
