"""Means, spreads and shares of sums."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sentinelweb.core.measures import Spread, by_result, mean, share, share_healthy, spread
from sentinelweb.core.results import Result


def row(*figures: float) -> SimpleNamespace:
    """A bucket with these pings."""
    return SimpleNamespace(
        ping_count=len(figures),
        ping_sum=sum(figures) if figures else None,
        ping_min=min(figures, default=None),
        ping_max=max(figures, default=None),
    )


def test_the_mean_of_buckets_is_that_of_their_figures() -> None:
    assert mean([row(1), row(4, 7)], "ping") == 4


def test_a_spread_reaches_over_all_buckets_and_passes_over_empty_ones() -> None:
    found = spread([row(5), row(), row(1, 9)], "ping")
    assert found == Spread(max=9, avg=5, min=1)
    assert found.jitter == 8


@pytest.mark.parametrize("rows", [[], [row()], [row(), row()]])
def test_of_nothing_there_is_no_figure(rows: list[SimpleNamespace]) -> None:
    assert mean(rows, "ping") is None
    assert spread(rows, "ping") is None
    assert share(0, 0) is None


def test_our_own_failures_are_no_part_of_the_uptime() -> None:
    rows = [SimpleNamespace(healthy=3, down=1, error=0, timeout=0, unknown=6)] * 2
    counts = by_result(rows)
    assert counts[Result.UNKNOWN] == 12
    assert share_healthy(counts) == 0.75
    assert share_healthy({Result.UNKNOWN: 5}) is None
