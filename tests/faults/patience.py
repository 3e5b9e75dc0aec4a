"""How long something may take on a machine that does other things too."""

from __future__ import annotations

import os


def at_leisure(seconds: float) -> float:
    """`seconds` where each process that wants a core has one, and as much longer as they wait."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
