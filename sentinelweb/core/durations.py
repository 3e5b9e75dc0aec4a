"""Durations as people type and read them: `1h 30m`, `90`, `2d`."""

from __future__ import annotations

import re

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SHOWN = ("d", "h", "m", "s")  # the same in every language of ours
# Whole words only: were any word that begins with "m" a minute, "1 month" would be one.
_WORDS = {
    "w": ("w", "week", "weeks", "semana", "semanas"),
    "d": ("d", "day", "days", "dia", "dias", "día", "días"),
    "h": ("h", "hr", "hrs", "hour", "hours", "hora", "horas"),
    "m": ("m", "min", "mins", "minute", "minutes", "minuto", "minutos"),
    "s": ("s", "sec", "secs", "second", "seconds", "seg", "segundo", "segundos"),
}
_UNIT_OF_WORD = {word: unit for unit, words in _WORDS.items() for word in words}
# In milliseconds, what a scale may end with; longer ones in whole days.
_ROUND = (
    *(step * power for power in (1, 10, 100) for step in (1, 2, 5)),
    *(step * 1_000 for step in (1, 2, 5, 10, 15, 30)),
    *(step * 60_000 for step in (1, 2, 5, 10, 15, 30)),
    *(step * 3_600_000 for step in (1, 2, 3, 6, 12, 24)),
)
_PART = re.compile(r"(\d{1,9})\s*([^\W\d_]+)\s*")


class DurationError(ValueError):
    """The text is no duration."""


def parse_duration(text: str) -> int:
    """The seconds in `text`: a plain number of seconds, or parts with units, each unit once."""
    text = text.strip().lower()
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text)
    total, position, seen = 0, 0, set[str]()
    while position < len(text) or not seen:
        part = _PART.match(text, position)
        unit = _UNIT_OF_WORD.get(part[2]) if part else None
        if part is None or unit is None or unit in seen:
            raise DurationError(f"{text[:50]!r} is not a duration")
        seen.add(unit)
        total += int(part[1]) * UNITS[unit]
        position = part.end()
    return total


def format_duration(seconds: float, *, parts: int = 2) -> str:
    """The largest `parts` units from days down: `1h 30m`; `0s` for nothing. Four lose nothing.

    No weeks, though they can be typed: `w` is a letter of English alone, and `30d` says more than
    `4w 2d`.
    """
    remaining = max(0, int(seconds))
    texts = []
    for unit in _SHOWN:
        count, remaining = divmod(remaining, UNITS[unit])
        if count:
            texts.append(f"{count}{unit}")
    return " ".join(texts[:parts]) or "0s"


def round_up(milliseconds: int) -> int:
    """The next duration, in milliseconds, that people call round: `15m` for `11m 20s`."""
    days = -(-milliseconds // 86_400_000)
    return next((step for step in _ROUND if step >= milliseconds), days * 86_400_000)
