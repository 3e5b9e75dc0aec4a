"""Values that come from forms and scripts, checked; what is wrong is said in a sentence."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from sentinelweb.i18n import gettext as _

E = TypeVar("E", bound=StrEnum)


class InvalidValueError(ValueError):
    """A value cannot be used; the message is for whoever sent it."""


def choice(kind: type[E], value: object) -> E:
    """The member of `kind` that `value` names."""
    try:
        return kind(str(value))
    except ValueError:
        choices = ", ".join(kind)
        raise InvalidValueError(
            _("The mode must be one of %(choices)s.", choices=choices)
        ) from None


def number(name: str, value: object, least: int, most: int) -> int:
    """A whole number from JSON, or the text of one from a form."""
    is_readable = isinstance(value, int | str) and not isinstance(value, bool)
    try:
        found = int(str(value)) if is_readable else least - 1
    except ValueError:
        found = least - 1
    if not least <= found <= most:
        raise InvalidValueError(
            _(
                "%(name)s must be a whole number from %(least)s to %(most)s.",
                name=name,
                least=least,
                most=most,
            )
        )
    return found
