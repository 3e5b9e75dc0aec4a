"""Days drawn as blocks beside each other."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH, GAP, HEIGHT = 7, 3, 32
NO_DATA = "none"


def paths(statuses: Iterable[str | None]) -> dict[str, str]:
    """For each status, NO_DATA for None, the SVG path of the days that had it.

    One path for all of them, because a page has thousands of days.
    """
    found: dict[str, str] = {}
    for place, status in enumerate(statuses):
        block = f"M{place * (WIDTH + GAP)} 0h{WIDTH}v{HEIGHT}h-{WIDTH}z"
        found[status or NO_DATA] = found.get(status or NO_DATA, "") + block
    return found
