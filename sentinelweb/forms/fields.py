"""Fields and validators that several forms have."""

from __future__ import annotations

import unicodedata

from wtforms import SelectMultipleField, StringField, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from sentinelweb.core.durations import DurationError, format_duration, parse_duration
from sentinelweb.forms.base import Form
from sentinelweb.i18n import gettext


def printable(_form: Form, field: StringField) -> None:
    """A NUL cannot be stored, and other control characters cannot be seen; lines may end."""
    if any(
        unicodedata.category(char) in {"Cc", "Cs"}
        for char in field.data or ""
        if char not in "\r\n\t"
    ):
        raise ValidationError(gettext("Remove the control characters."))


def stripped(value: str | None) -> str:
    return (value or "").strip()


class DurationField(StringField):
    """Shows seconds as `1h 30m`; takes that or plain seconds."""

    def process_data(self, value: int | str | None) -> None:
        self.data = format_duration(value, parts=4) if isinstance(value, int) else value

    def seconds(self, least: int, most: int) -> int:
        """The duration; raise ValidationError unless it is one between `least` and `most`."""
        try:
            seconds = parse_duration(self.data or "")
        except DurationError:
            raise ValidationError(
                gettext("Write a duration such as 1h 30m, or a number of seconds.")
            ) from None
        if not least <= seconds <= most:
            raise ValidationError(
                gettext(
                    "It must be between %(least)s and %(most)s.",
                    least=format_duration(least),
                    most=format_duration(most),
                )
            )
        return seconds


class TagsField(StringField):
    """A list of texts, written with commas."""

    def process_data(self, value: list[str] | None) -> None:
        self.data = ", ".join(value or [])

    @property
    def tags(self) -> list[str]:
        """In the order in which they were written, each once."""
        parts = (" ".join(part.split()) for part in (self.data or "").split(","))
        return list(dict.fromkeys(filter(None, parts)))


class CheckboxesField(SelectMultipleField):
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()
