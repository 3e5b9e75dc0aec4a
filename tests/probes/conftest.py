"""Fixtures: one look at something, as a service's options have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sentinelweb import probes
from sentinelweb.core.results import ProbeResult
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network
from sentinelweb.probes.base import Target

Look = Callable[..., ProbeResult]

# Plenty for a busy machine, where an answer is expected; tests of time limits choose their own.
PATIENCE = 20.0


def look_once(
    address: str,
    *,
    timeout: float = PATIENCE,
    reach: Reach = Reach.PRIVATE,
    network: dict[str, Any] | None = None,
    **options: str,
) -> ProbeResult:
    probe = probes.probe_for(address)
    assert probe
    target = Target(probe.clean(address), probe.clean_options(options), timeout)

    async def look() -> ProbeResult:
        async with Network(reach, **(network or {})) as entered:
            return await probe.check(target, entered)

    return asyncio.run(look())


@pytest.fixture
def look() -> Look:
    """`look(address, **options)`: the result; `timeout`, `reach` and `network` may be given too."""
    return look_once
