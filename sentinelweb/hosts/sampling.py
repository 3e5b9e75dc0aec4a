"""The figures of the machine that this runs on (seed 004, "Table 1: monitoring_cycles")."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import psutil

ROOT = "/"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Figures:
    """Percentages of 100. What the machine does not tell is None."""

    cpu_percent: float | None = None
    ram_percent: float | None = None
    ram_used_mb: float | None = None
    disk_percent: float | None = None
    uptime_seconds: float | None = None


def sample() -> Figures:
    """Take the figures at once: the processor's is the mean since this thread last asked."""
    figures: dict[str, float] = {}
    # Each for itself: a container may hide one of them.
    with contextlib.suppress(psutil.Error, OSError, RuntimeError):
        figures["cpu_percent"] = psutil.cpu_percent(interval=None)
    with contextlib.suppress(psutil.Error, OSError, RuntimeError):
        memory = psutil.virtual_memory()
        figures["ram_percent"] = memory.percent
        figures["ram_used_mb"] = round(memory.used / MEGABYTE, 1)
    with contextlib.suppress(psutil.Error, OSError, RuntimeError):
        figures["disk_percent"] = psutil.disk_usage(ROOT).percent
    with contextlib.suppress(psutil.Error, OSError, RuntimeError):
        figures["uptime_seconds"] = round(time.time() - psutil.boot_time(), 1)
    return Figures(**figures)
