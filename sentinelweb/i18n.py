"""Translations, and times and numbers as each reader writes them.

Works without a request, because alerts are written in their recipient's language by a worker. The
language and zone of the moment live in a context variable, so that threads cannot mix them up.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.support import LazyProxy, NullTranslations, Translations

LOCALES = {"en": "English", "pt_BR": "Português (Brasil)", "es": "Español"}
DEFAULT_LOCALE = "en"
DIRECTORY = Path(__file__).parent / "translations"

# As seed 000 writes it, and Brazilians do; elsewhere Babel's own, which spells the month.
_DATETIMES = {"pt_BR": "dd/MM/yyyy HH:mm:ss"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what is being written: a locale of LOCALES and a time zone name."""

    locale: str = DEFAULT_LOCALE
    timezone: str = "UTC"


_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)


def reader() -> Reader:
    return _reader.get() or Reader()


def set_reader(value: Reader) -> None:
    _reader.set(value)


@contextlib.contextmanager
def reading_as(value: Reader) -> Iterator[None]:
    """Write for `value` inside the block."""
    token = _reader.set(value)
    try:
        yield
    finally:
        _reader.reset(token)


@lru_cache
def _translations(locale: str) -> NullTranslations:
    return Translations.load(str(DIRECTORY), [locale])


def gettext(text: str, /, **values: object) -> str:
    """`text` in the reader's language; `%(name)s` filled from `values`."""
    translated = _translations(reader().locale).ugettext(text)
    return translated % values if values else translated


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """The form that `n` asks for; `%(n)s` is filled too."""
    translated = _translations(reader().locale).ungettext(one, many, n)
    return translated % {"n": n, **values}


def lazy_gettext(text: str, /) -> str:
    """A text translated when it is shown, for labels that are made at import."""
    return LazyProxy(gettext, text, enable_cache=False)  # type: ignore[return-value]


def best_locale(wanted: list[str]) -> str:
    """The locale of ours that suits an Accept-Language list best."""
    for tag in wanted:
        with contextlib.suppress(UnknownLocaleError, ValueError):
            language = Locale.parse(tag, sep="-").language
            for ours in LOCALES:
                if Locale.parse(ours).language == language:
                    return ours
    return DEFAULT_LOCALE


def format_datetime(moment: datetime) -> str:
    """Date and time to the second in the reader's zone, which is named."""
    zone = ZoneInfo(reader().timezone)
    pattern = _DATETIMES.get(reader().locale, "medium")
    text = dates.format_datetime(moment, pattern, tzinfo=zone, locale=reader().locale)
    return f"{text} {moment.astimezone(zone).tzname()}"


def format_date(moment: datetime) -> str:
    """The day in the reader's zone, without the year: `Jan 7`."""
    zone = ZoneInfo(reader().timezone)
    return dates.format_skeleton("MMMd", moment, tzinfo=zone, locale=reader().locale)


def format_month(moment: datetime) -> str:
    """The month in the reader's zone, with its year: `January 2026`."""
    zone = ZoneInfo(reader().timezone)
    return dates.format_skeleton("yMMMM", moment, tzinfo=zone, locale=reader().locale)


def format_time(moment: datetime) -> str:
    """The time of day in the reader's zone, to the minute."""
    zone = ZoneInfo(reader().timezone)
    return dates.format_time(moment, "short", tzinfo=zone, locale=reader().locale)


def format_moment(moment: datetime, *, seconds: bool = False) -> str:
    """Day and time of day in the reader's zone, where the year would be in the way."""
    return _moment_text(moment, reader(), "medium" if seconds else "short")


@lru_cache(maxsize=10_000)  # a list shows the same moments again and again
def _moment_text(moment: datetime, reader: Reader, precision: Literal["medium", "short"]) -> str:
    zone = ZoneInfo(reader.timezone)
    day = dates.format_skeleton("MMMd", moment, tzinfo=zone, locale=reader.locale)
    return f"{day}, {dates.format_time(moment, precision, tzinfo=zone, locale=reader.locale)}"


def format_percent(share: float) -> str:
    """`share`, 0 to 1, never rounded up to 100 %: an outage of a second was one."""
    hundredths = math.floor(share * 10_000 + 1e-9)  # 0.57 is 5699.999… of them to a float
    return numbers.format_percent(hundredths / 10_000, "#,##0.##%", locale=reader().locale)


def format_number(number: float) -> str:
    return numbers.format_decimal(number, locale=reader().locale)


def format_size(size: int) -> str:
    """`size` in bytes: `57 B`, `12.3 kB`."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1_000:
            break
        value, unit = value / 1_000, larger
    return f"{format_number(math.floor(value * 10) / 10)} {unit}"


@lru_cache
def timezone_names() -> tuple[str, ...]:
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))
