"""Starts and ends of runs, paired by their ids."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core import runs

NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
GRACE = 60


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_an_end_is_paired_with_its_start():
    under_way = runs.begin(runs.begin({}, "a", NOW), "b", after(10))
    left, took = runs.end(under_way, "a", after(30), GRACE)
    assert took == timedelta(seconds=30)
    assert list(left) == ["b"]


def test_an_end_whose_start_is_unknown_ends_nothing_and_tells_no_duration():
    under_way = runs.begin({}, "a", NOW)
    assert runs.end(under_way, "b", after(5), GRACE) == (under_way, None)


def test_an_end_without_an_id_ends_them_all():
    under_way = runs.begin(runs.begin({}, "a", NOW), None, after(10))
    assert runs.end(under_way, None, after(15), GRACE) == ({}, timedelta(seconds=5))


def test_runs_whose_time_is_over_are_given_up_with_the_next_end():
    under_way = runs.begin(runs.begin({}, "lost", NOW), "b", after(100))
    left, took = runs.end(under_way, "b", after(110), GRACE)
    assert (left, took) == ({}, timedelta(seconds=10))


def test_the_first_to_begin_must_end_first():
    under_way = runs.begin(runs.begin({}, "a", after(10)), "b", NOW)
    assert runs.must_end_by(under_way, GRACE) == after(60)
    assert runs.must_end_by({}, GRACE) is None


def test_a_clock_set_back_makes_no_run_shorter_than_nothing():
    assert runs.end(runs.begin({}, "a", NOW), "a", after(-5), GRACE)[1] == timedelta(0)


@given(rids=st.lists(st.none() | st.uuids().map(str), max_size=60))
def test_a_job_that_never_ends_its_runs_does_not_fill_the_row(rids):
    under_way: dict[str, str] = {}
    for number, rid in enumerate(rids):
        under_way = runs.begin(under_way, rid, after(number))
        assert list(under_way)[-1] == (rid or "")
    assert len(under_way) <= runs.MAX_RUNS
