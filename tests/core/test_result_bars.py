"""The bar of the last results."""

from sentinelweb.core.result_bars import result_bar
from sentinelweb.core.results import Result


def test_the_newest_is_on_the_right_and_slots_to_come_are_on_the_left():
    bar = result_bar("hhd", 5)
    assert bar.empty == "M0 0h4v24h-4zM6 0h4v24h-4z"
    assert dict(bar.shapes) == {
        Result.HEALTHY: "M12 0h4v24h-4zM18 0h4v24h-4z",
        Result.DOWN: "M24 0h4v24h-4z",
    }
    assert bar.width == 28


def test_it_counts_what_it_shows_and_no_more():
    bar = result_bar("dd" + "h" * 3 + "tu", 5)
    assert bar.counts == [(Result.HEALTHY, 3), (Result.TIMEOUT, 1), (Result.UNKNOWN, 1)]
    assert (bar.total, bar.empty) == (5, "")


def test_without_a_result_it_is_empty():
    assert result_bar("", 2).shapes == []
    assert result_bar("", 2).total == 0
