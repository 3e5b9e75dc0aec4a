"""The watch over processes as RQ runs it."""

from __future__ import annotations

from typing import Any

import structlog

from sentinelweb import clock
from sentinelweb.services import process_watch

log = structlog.get_logger(__name__)


def watch_processes() -> dict[str, Any]:
    """Judge what is overdue; log who is alive, or that nobody is, as seed 003 does."""
    statistics = process_watch.run(clock.now())
    if statistics.alive:
        log.info("processes_alive", **statistics.as_dict())
    else:
        log.info("no_active_processes", expired=statistics.expired, down=statistics.down)
    return statistics.as_dict()
