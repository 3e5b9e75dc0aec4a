"""Imports as RQ runs them."""

from __future__ import annotations

from sentinelweb.extensions import settings
from sentinelweb.services import import_runs


def run_imports() -> int:
    """Look at the files that people sent, and import those they want; return how many."""
    return import_runs.run(settings())
