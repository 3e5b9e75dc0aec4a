"""Summing up as RQ runs it."""

from __future__ import annotations

import structlog

from sentinelweb.services import rollups

log = structlog.get_logger(__name__)


def sum_up() -> dict[str, int]:
    """Add what is new to the sums; return and log how many results and cycles that were."""
    summed = rollups.run()
    log.debug("summed_up", **summed)
    return summed
