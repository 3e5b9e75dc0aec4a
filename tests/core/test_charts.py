"""Charts as paths and as data."""

from __future__ import annotations

import json

import pytest

from sentinelweb.core.charts import Chart, Line, area, path, round_up


@pytest.mark.parametrize(
    ("value", "top"),
    [(0.03, 0.05), (1, 1), (1.01, 2), (42, 50), (50, 50), (51, 100), (100, 100), (1_001, 2_000)],
)
def test_a_scale_ends_with_a_round_number(value: float, top: float) -> None:
    assert round_up(value) == pytest.approx(top)


def test_a_line_is_interrupted_where_there_is_nothing() -> None:
    assert path([0, 10, None, 5, None], 10, width=40, height=100) == (
        "M0.0 100.0L10.0 0.0M30.0 50.0L31.5 50.0"
    )


def test_what_is_beyond_the_scale_stays_at_its_edge() -> None:
    assert path([20, 5], 10, width=10, height=10) == "M0.0 0L10.0 5.0"


def test_an_area_goes_there_and_back() -> None:
    assert area([1, 2], [3, 4], 4, width=10, height=4) == "M0.0 1.0L10.0 0.0L10.0 2.0L0.0 3.0z"


def test_nothing_at_all_is_no_path() -> None:
    assert path([], 1) == path([None, None], 1) == ""


def test_a_chart_is_as_high_as_its_band_or_as_it_is_told() -> None:
    line = Line("Average", [10, 20])
    assert Chart("a", "A", "ms", [0, 60], [line]).top == 20
    assert Chart("a", "A", "ms", [0, 60], [line], low=[1, 2], high=[90, 30]).top == 100
    assert Chart("a", "A", "%", [0, 60], [line], ceiling=100).top == 100
    assert Chart("a", "A", "ms", [0, 60], [Line("Average", [None, None])]).top == 1
    assert Chart("a", "A", "ms", [0, 60], [Line("Average", [0, 0])]).top == 1


def test_a_chart_without_a_figure_is_empty() -> None:
    assert Chart("a", "A", "ms", [0], [Line("Average", [None])]).is_empty
    assert not Chart("a", "A", "ms", [0], [Line("Average", [0])]).is_empty


def test_its_data_is_json() -> None:
    chart = Chart("a", "A", "ms", [0, 60], [Line("x", [1.234567, None], 3)], [1, None], [2, None])
    assert json.loads(json.dumps(chart.data)) == {
        "unit": "ms",
        "ceiling": None,
        "x": [0, 60],
        "lines": [{"label": "x", "colour": 3, "values": [1.23, None]}],
        "band": [[1, None], [2, None]],
    }
