"""Whatever an agent sends is a report or named as wrong, never an error of ours."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.host_reports import Figures, HostReport, ReportError, parse
from sentinelweb.core.results import Result

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
SERVICE = st.dictionaries(
    st.sampled_from(["status", "latency_ms", "status_code", "error", "target"]), JSON
) | st.fixed_dictionaries({"status": st.sampled_from([*Result, "unhealthy", "HEALTHY"])})
CYCLE = st.fixed_dictionaries(
    {"services": st.dictionaries(st.text(), SERVICE, max_size=3)},
    optional={
        "at": st.datetimes().map(lambda at: f"{at.isoformat()}Z") | JSON,
        "host": st.dictionaries(st.sampled_from(sorted(Figures.__slots__)), JSON),
    },
)
REPORT = JSON | CYCLE.flatmap(
    lambda cycle: st.builds(
        lambda cycles, agent: cycle | {"cycles": cycles, "agent": agent},
        st.lists(CYCLE, max_size=2) | JSON,
        st.text() | JSON,
    )
)


@given(REPORT)
def test_anything_is_read_or_named(body: Any) -> None:
    with suppress(ReportError):
        check(parse(json.dumps(body).encode()))


def check(report: HostReport) -> None:
    """All that it holds can be stored."""
    for cycle in (report.current, *report.backlog):
        for name, item in cycle.services.items():
            (name + item.target + item.found.reason).encode()
            assert "\0" not in name + item.target + item.found.reason
            assert 0 <= (item.found.latency_ms or 0) < 1e9
        assert 0 <= (cycle.figures.cpu_percent or 0) <= 100


@given(st.binary())
def test_so_is_any_heap_of_bytes(body: bytes) -> None:
    with pytest.raises(ReportError):
        parse(body)


@pytest.mark.parametrize(
    ("status", "code", "result", "reason"),
    [
        ("healthy", None, Result.HEALTHY, ""),
        ("unhealthy", None, Result.DOWN, ""),
        ("error", 500, Result.ERROR, "HTTP 500"),
        ("error", None, Result.ERROR, ""),
        ("timeout", None, Result.TIMEOUT, "Timeout"),
        ("Unknown", None, Result.UNKNOWN, ""),
    ],
)
def test_an_agent_that_gives_no_reason_gets_ours(
    status: str, code: int | None, result: Result, reason: str
) -> None:
    body = {"services": {"api": {"status": status, "status_code": code}}}
    found = parse(json.dumps(body).encode()).current.services["api"].found
    assert (found.result, found.status_code, found.reason) == (result, code, reason)
