"""Forgetting as RQ runs it."""

from __future__ import annotations

import structlog

from sentinelweb import clock
from sentinelweb.extensions import settings
from sentinelweb.services import retention

log = structlog.get_logger(__name__)


def prune() -> dict[str, int]:
    """Delete what the settings no longer want kept; return and log how many rows, by table."""
    deleted = retention.prune(clock.now(), settings())
    log.info("pruned", **deleted)
    return deleted
