"""The spans of time that charts show, and the buckets that they show them in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

RAW = 0


@dataclass(frozen=True, slots=True)
class Range:
    """The last `seconds`, read from sums of `resolution` seconds, or from single rows if RAW."""

    name: str
    seconds: int
    resolution: int

    def step(self, points: int, cycle: int) -> int:
        """Seconds of a bucket, for about so many `points`.

        Never shorter than what is read has rows for: `cycle` is the seconds between two cycles.
        """
        finest = self.resolution or cycle
        return finest * max(1, round(self.seconds / points / finest))

    def buckets(self, now: datetime, step: int) -> list[int]:
        """The starts of the buckets in seconds since 1970; `now` is in the last of them."""
        last = int(now.timestamp()) // step * step
        count = max(2, -(-self.seconds // step))
        return list(range(last - (count - 1) * step, last + 1, step))


# Each reads so coarse a level that even many services are few rows.
RANGES = {
    item.name: item
    for item in (
        Range("live", 300, RAW),
        Range("1h", 3_600, 60),
        Range("3h", 10_800, 60),
        Range("6h", 21_600, 600),
        Range("12h", 43_200, 600),
        Range("24h", 86_400, 600),
        Range("7d", 604_800, 3_600),
        Range("30d", 2_592_000, 86_400),
    )
}
DEFAULT = "1h"


def instant(bucket: int) -> datetime:
    return datetime.fromtimestamp(bucket, UTC)
