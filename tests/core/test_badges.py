"""Badges: their words, colours and widths."""

import pytest

from sentinelweb.core import badges
from sentinelweb.core.badges import Badge
from sentinelweb.core.status import Status


def luminance(color: str) -> float:
    """As WCAG 2 defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return sum(share * each for share, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("color", [*badges.COLORS.values(), badges.NEUTRAL, badges.BLUE])
def test_white_can_be_read_on_every_color(color):
    assert 1.05 / (luminance(color) + 0.05) >= 4.5


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_color(status):
    assert badges.status_color(status) == badges.COLORS[status]


@pytest.mark.parametrize(
    ("share", "color"),
    [
        (1, "up"),
        (0.995, "up"),
        (0.9949, "late"),
        (0.98, "late"),
        (0.97, "down"),
        (0, "down"),
    ],
)
def test_less_uptime_is_worse(share, color):
    assert badges.uptime_color(share) == badges.COLORS[color]


def test_no_uptime_has_no_color():
    assert badges.uptime_color(None) == badges.NEUTRAL


@pytest.mark.parametrize(
    ("text", "label"), [(" a\0b\n", "ab"), ("x" * 61, "x" * 59 + "…"), ("x" * 60, "x" * 60)]
)
def test_a_label_is_short_and_can_be_seen(text, label):
    assert badges.clean_label(text) == label


def test_broad_letters_take_more_room_than_narrow_ones():
    widths = [badges.text_width(text * 5) for text in ("i", "a", "A", "m", "日")]
    assert widths == sorted(set(widths))
    assert badges.text_width("e\u0301") == badges.text_width("e")


def test_a_badge_is_as_wide_as_its_sides():
    badge = Badge("Backup", "up", badges.BLUE)
    assert badge.width == badge.label_width + badge.message_width
    assert badge.label_width == badges.text_width("Backup") + 10
