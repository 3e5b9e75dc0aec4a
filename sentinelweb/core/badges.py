"""Badges: two words beside each other, as shields.io has made people expect them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# White text on each keeps a contrast of 4.5:1.
COLORS = {
    "up": "#1a7f4b",
    "late": "#9a6700",
    "down": "#c42b37",
    "new": "#5b667a",
    "paused": "#6b5f85",
}
NEUTRAL = "#5b667a"
BLUE = "#0f6cbd"
MAX_LABEL = 60
# How wide Verdana draws characters at 11 px, roughly: the SVG says how wide its texts are to be.
_NARROW = frozenset("ijlI.,:;'|!()[]ft ")
_BROAD = frozenset("mwMWQO@%&")


@dataclass(frozen=True, slots=True)
class Badge:
    label: str
    message: str
    color: str

    @property
    def label_width(self) -> int:
        return text_width(self.label) + 10

    @property
    def message_width(self) -> int:
        return text_width(self.message) + 10

    @property
    def width(self) -> int:
        return self.label_width + self.message_width


def status_color(status: str) -> str:
    return COLORS.get(status, NEUTRAL)


def uptime_color(share: float | None) -> str:
    """Green from 99.5 % on, amber from 98 %."""
    if share is None:
        return NEUTRAL
    return COLORS["up" if share >= 0.995 else "late" if share >= 0.98 else "down"]


def clean_label(text: str) -> str:
    """A label that somebody wrote into an address: printable, and short enough for a badge."""
    visible = "".join(filter(str.isprintable, text)).strip()
    return visible if len(visible) <= MAX_LABEL else visible[: MAX_LABEL - 1] + "…"


def text_width(text: str) -> int:
    """In pixels."""
    return round(sum(map(_width, text)))


def _width(character: str) -> float:
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 11.5
    if character in _NARROW:
        return 4.2
    if character in _BROAD:
        return 10.2
    return 7.7 if character.isupper() else 6.7
