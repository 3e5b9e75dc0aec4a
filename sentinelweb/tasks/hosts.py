"""The audit of hosts as RQ runs it."""

from __future__ import annotations

import structlog

from sentinelweb import clock
from sentinelweb.services import host_silence

log = structlog.get_logger(__name__)


def check_hosts() -> dict[str, int]:
    """Judge the hosts that went silent; return and log how many."""
    statistics = host_silence.run(clock.now()).as_dict()
    log.info("hosts_checked", **statistics)
    return statistics
