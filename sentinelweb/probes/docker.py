"""`docker:NAME`: a container that must run, and not be unhealthy by its own health check."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.hosts import containers
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.probes import reasons
from sentinelweb.probes.base import Probe, Target

if TYPE_CHECKING:
    from sentinelweb.outbound.network import Network

# What Docker takes as a name or an id; nothing that would lead elsewhere in its API.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,253}", re.ASCII)


class Docker(Probe):
    kind = "docker"
    label = _("Docker container")
    icon = "container"
    summary = _("A container on this machine that must run and be healthy")
    example = "docker:my-container"
    schemes = ("docker",)
    order = 6
    admin_only = True

    def clean_address(self, address: str) -> str:
        name = address.partition(":")[2].removeprefix("//").removeprefix("/")
        if not _NAME.fullmatch(name):
            raise self.not_a_target()
        return f"docker:{name}"

    async def look(self, target: Target, network: Network) -> ProbeResult:
        name = target.address.removeprefix("docker:")
        began = time.perf_counter()
        try:
            async with asyncio.timeout(target.timeout):
                state = await asyncio.to_thread(
                    containers.state_of, name, network.docker_host, seconds=target.timeout
                )
        except containers.NoEngineError:
            return ProbeResult(Result.UNKNOWN, reason=reasons.DOCKER_NOT_REACHABLE)
        latency_ms = (time.perf_counter() - began) * 1_000
        if state is None:
            return ProbeResult(Result.DOWN, reason=reasons.CONTAINER_NOT_FOUND)
        if state.status != "running":
            reason = reasons.CONTAINER_STATES.get(state.status, reasons.CONTAINER_NOT_RUNNING)
            return ProbeResult(Result.DOWN, reason=reason)
        if state.health == "unhealthy":
            return ProbeResult(Result.DOWN, reason=reasons.CONTAINER_UNHEALTHY)
        return ProbeResult(Result.HEALTHY, latency_ms=latency_ms)
