"""The mock controller (seed 004): targets to break, and receivers that show what arrived.

For trying SentinelWeb out, and for tests. It needs neither Flask nor a database nor a login, so
that it listens on this machine alone unless told otherwise.
"""

from __future__ import annotations

from sentinelweb.mock.command import main

__all__ = ["main"]
