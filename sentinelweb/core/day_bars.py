"""Days, weeks or months drawn as blocks beside each other.

One path for all blocks that look alike, because a status page has thousands of days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sentinelweb.core.reliability import Part, Period

WIDTH, STEP, HEIGHT = 7, 10, 32
NO_DATA = "none"
LEAST = 0.03  # of the height: an outage of a minute is seen too


def width(count: int) -> int:
    """Of so many blocks, without a gap after the last."""
    return count * STEP - (STEP - WIDTH)


def by_status(statuses: Iterable[str | None]) -> dict[str, str]:
    """For each status, NO_DATA for None, the SVG path of the days that had it."""
    found: dict[str, str] = defaultdict(str)
    for place, status in enumerate(statuses):
        found[status or NO_DATA] += _block(place)
    return dict(found)


def by_share(periods: Iterable[Period]) -> dict[str, str]:
    """Of each period how much it was up, from below, and down, from above; what is left is NO_DATA.

    Late counts as up. The paths are to be drawn in this order.
    """
    found = {NO_DATA: "", Part.UP.value: "", Part.DOWN.value: ""}
    for place, period in enumerate(periods):
        well = period.time_in(Part.UP) + period.time_in(Part.LATE)
        down = period.time_in(Part.DOWN)
        found[NO_DATA] += _block(place)
        if well:
            share = well / period.length
            found[Part.UP] += _block(place, top=1 - share, share=share)
        if down:
            found[Part.DOWN] += _block(place, share=max(down / period.length, LEAST))
    return {name: path for name, path in found.items() if path}


def _block(place: int, *, top: float = 0, share: float = 1) -> str:
    """`top` and `share` are parts of the height."""
    height = round(share * HEIGHT, 2)
    return f"M{place * STEP} {top * HEIGHT:.4g}h{WIDTH}v{height:g}h-{WIDTH}z"
