"""Time limits as short as promised on a quiet machine, and longer on a slow or busy one."""

from __future__ import annotations

import os
import time

_QUIET = 0.02  # seconds that the piece of work takes where nobody else works


def slowness() -> float:
    """How many times as long as on a quiet machine work takes; at least 1.

    By a piece of work now, or by the load of the last minute if that says more.
    """
    began = time.perf_counter()
    sum(n * n for n in range(500_000))
    now = (time.perf_counter() - began) / _QUIET
    lately = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    return max(1.0, now, lately)


class Patience:
    """So many seconds on a quiet machine, from now; as much longer as the machine is slow."""

    def __init__(self, seconds: float) -> None:
        self.seconds = self._allowed = seconds
        self._began = time.monotonic()

    @property
    def is_over(self) -> bool:
        passed = time.monotonic() - self._began
        if passed > self._allowed:  # no sooner is it worth the work to ask how slow it is
            self._allowed = max(self._allowed, self.seconds * slowness())
        return passed > self._allowed
