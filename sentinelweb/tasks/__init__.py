"""What RQ runs: bodies of a few lines that call a service; and when each is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config import Settings
from sentinelweb.jobs import (
    AUDITS,
    CHECK_HEARTBEATS,
    DELIVERIES,
    HOUSEKEEPING,
    PRUNE,
    SEND_DELIVERIES,
)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A task that runs every `interval` seconds, and is killed after `timeout` of them."""

    name: str
    task: str
    queue: str
    interval: Callable[[Settings], int]
    timeout: int = 300


# The scheduler wakes the first two as soon as something is due; these runs find what a wake missed.
PERIODIC = (
    Periodic("check_heartbeats", CHECK_HEARTBEATS, AUDITS, lambda s: s.worker_interval_sec),
    Periodic("send_deliveries", SEND_DELIVERIES, DELIVERIES, lambda _: 30),
    Periodic("prune", PRUNE, HOUSEKEEPING, lambda _: 3_600),
)
