"""Periods drawn as blocks: one path for all that look alike."""

from datetime import UTC, datetime, timedelta

import pytest

from sentinelweb.core.day_bars import by_share, by_status, width
from sentinelweb.core.reliability import Part, Period

START = datetime(2026, 1, 7, tzinfo=UTC)


def period(**hours):
    spent = {Part(name): timedelta(hours=count) for name, count in hours.items()}
    return Period(START, START + timedelta(days=1), spent)


def test_days_of_one_status_are_one_path():
    assert by_status(["up", "down", "up", None]) == {
        "up": "M0 0h7v32h-7zM20 0h7v32h-7z",
        "down": "M10 0h7v32h-7z",
        "none": "M30 0h7v32h-7z",
    }


def test_the_last_block_has_no_gap_after_it():
    assert width(4) == 37


def test_what_was_up_or_late_stands_below_and_what_was_down_above():
    assert by_share([period(up=6, late=6, down=6, unknown=6)]) == {
        "none": "M0 0h7v32h-7z",
        "up": "M0 16h7v16h-7z",
        "down": "M0 0h7v8h-7z",
    }


def test_a_short_outage_is_seen():
    assert by_share([period(up=23.99, down=0.01)])["down"] == "M0 0h7v0.96h-7z"


def test_time_that_nobody_watched_is_no_data():
    assert by_share([period(), period(paused=24)]) == {"none": "M0 0h7v32h-7zM10 0h7v32h-7z"}


@pytest.mark.parametrize("draw", [by_status, by_share])
def test_no_days_are_no_paths(draw):
    assert draw([]) == {}
