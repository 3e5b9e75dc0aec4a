"""Whether this machine has internet, and how far away it is: PING_URL answers, or not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network
from sentinelweb.probes.base import Target
from sentinelweb.probes.crowd import look_at

NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Internet:
    """`ok` is None where nobody was asked; `ping_ms` is how long the answer took."""

    ok: bool | None = None
    ping_ms: float | None = None


def look(url: str, *, seconds: float, ipv4_only: bool = False) -> Internet:
    """Ask `url` for its head. Any answer shows that there is internet, be it an error."""
    if url == NOBODY:
        return Internet()
    found = asyncio.run(_look(Target(url, {}, seconds), ipv4_only=ipv4_only))
    if found.result is Result.UNKNOWN:
        return Internet()
    ok = found.result in {Result.HEALTHY, Result.ERROR}
    return Internet(ok, found.latency_ms if ok else None)


async def _look(target: Target, *, ipv4_only: bool) -> ProbeResult:
    async with Network(Reach.ANYWHERE, ipv4_only=ipv4_only) as network:
        async for _key, result in look_at([(None, "http", target)], network):
            return result
    return ProbeResult(Result.UNKNOWN)
