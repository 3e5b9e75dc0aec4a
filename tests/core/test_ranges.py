"""The buckets of a chart."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.ranges import RANGES, Range

RANGE_VALUES = st.sampled_from(list(RANGES.values()))


@given(RANGE_VALUES, st.integers(2, 500), st.integers(1, 3_600), st.integers(0, 4_000_000_000))
def test_buckets_are_few_cover_the_range_and_hold_the_present(
    span: Range, points: int, cycle: int, now: int
) -> None:
    step = span.step(points, cycle)
    buckets = span.buckets(datetime.fromtimestamp(now, UTC), step)
    assert 2 <= len(buckets) <= max(2, 2 * points)
    assert buckets[-1] <= now < buckets[-1] + step
    assert {after - before for before, after in pairwise(buckets)} == {step}
    assert now - buckets[0] >= min(span.seconds - step, step)
    assert all(bucket % step == 0 for bucket in buckets)
    if span.resolution:
        assert step % span.resolution == 0


@pytest.mark.parametrize("span", RANGES.values(), ids=str)
def test_each_service_is_a_bounded_number_of_rows(span: Range) -> None:
    if span.resolution:
        assert span.seconds / span.resolution <= 180
