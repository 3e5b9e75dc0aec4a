"""The runs of a job that are under way: which began when, and by when the first must have ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

# A job that begins runs and never ends them is down after its grace; more would tell no more.
MAX_RUNS = 20

Runs = Mapping[str, str]  # run id ("" for none) -> when it began, ISO 8601


def begin(runs: Runs, rid: str | None, now: datetime) -> dict[str, str]:
    """`runs` with one more; one that has this id already begins anew."""
    others = [item for item in runs.items() if item[0] != (rid or "")]
    return dict([*others[1 - MAX_RUNS :], (rid or "", now.isoformat())])


def end(
    runs: Runs, rid: str | None, now: datetime, grace: int
) -> tuple[dict[str, str], timedelta | None]:
    """`runs` without the one that ends, and how long it took; None if its start was not told.

    An end without an id ends them all. Runs whose `grace` (seconds) is over are given up with it:
    they have been told as down, and would be told again.
    """
    began = runs.get(rid or "")
    took = max(timedelta(0), now - datetime.fromisoformat(began)) if began else None
    if rid is None:
        return {}, took
    left = begun_after(runs, now - timedelta(seconds=grace))
    left.pop(rid, None)
    return left, took


def begun_after(runs: Runs, moment: datetime) -> dict[str, str]:
    return {rid: began for rid, began in runs.items() if datetime.fromisoformat(began) > moment}


def must_end_by(runs: Runs, grace: int) -> datetime | None:
    """When the run that began first must have ended; None without runs."""
    if not runs:
        return None
    return min(map(datetime.fromisoformat, runs.values())) + timedelta(seconds=grace)
