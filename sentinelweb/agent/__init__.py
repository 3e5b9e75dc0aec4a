"""The agent: runs cycles on a machine and reports them to a SentinelWeb elsewhere.

It needs neither Flask nor a database, nor any setting of the server.
"""

from __future__ import annotations

from sentinelweb.agent.command import main

__all__ = ["main"]
