"""What RQ runs: bodies of a few lines that call a service; and when each is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config import Settings
from sentinelweb.jobs import (
    AUDITS,
    CHECK_HEARTBEATS,
    CHECK_HOSTS,
    CYCLES,
    DELIVERIES,
    HOUSEKEEPING,
    PRUNE,
    RUN_CYCLE,
    SEND_DELIVERIES,
    SUM_UP,
    WATCH_PROCESSES,
)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A task that runs every `interval` seconds, and is killed after `timeout` of them.

    An `aligned` one runs whenever the Unix time is a multiple of its interval.
    """

    name: str
    task: str
    queue: str
    interval: Callable[[Settings], int]
    timeout: int = 300
    aligned: bool = False


# The scheduler wakes the first three when something is due; these runs find what a wake missed.
PERIODIC = (
    Periodic("check_heartbeats", CHECK_HEARTBEATS, AUDITS, lambda s: s.worker_interval_sec),
    Periodic("check_hosts", CHECK_HOSTS, AUDITS, lambda s: s.worker_interval_sec),
    Periodic(
        "watch_processes", WATCH_PROCESSES, AUDITS, lambda s: s.process_monitor_interval_seconds
    ),
    Periodic("send_deliveries", SEND_DELIVERIES, DELIVERIES, lambda _: 30),
    Periodic("sum_up", SUM_UP, HOUSEKEEPING, lambda _: 30),
    Periodic(
        "run_cycle", RUN_CYCLE, CYCLES, lambda s: s.loop_interval_seconds, timeout=60, aligned=True
    ),
    Periodic("prune", PRUNE, HOUSEKEEPING, lambda _: 600),
)
