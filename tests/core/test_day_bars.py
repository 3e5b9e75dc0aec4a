"""Days drawn as blocks: one path for each status."""

from sentinelweb.core.day_bars import paths


def test_days_of_one_status_are_one_path():
    assert paths(["up", "down", "up", None]) == {
        "up": "M0 0h7v32h-7zM20 0h7v32h-7z",
        "down": "M10 0h7v32h-7z",
        "none": "M30 0h7v32h-7z",
    }


def test_no_days_are_no_paths():
    assert paths([]) == {}
