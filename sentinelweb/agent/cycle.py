"""One cycle: the figures of this machine, and a look at each service."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any

from sentinelweb import __version__, clock
from sentinelweb.agent.settings import AgentSettings
from sentinelweb.core.results import ProbeResult
from sentinelweb.core.targets import without_credentials
from sentinelweb.hosts import containers, internet, sampling
from sentinelweb.outbound.network import Network
from sentinelweb.probes.base import Target
from sentinelweb.probes.crowd import look_at


async def run(settings: AgentSettings, network: Network) -> dict[str, Any]:
    """Look at everything once; return the report of it."""
    at, began = clock.now(), time.monotonic()
    figures = asdict(sampling.sample())
    running, online, services = await asyncio.gather(
        asyncio.to_thread(containers.running_containers, settings.docker_host),
        asyncio.to_thread(
            internet.look,
            settings.ping_url,
            seconds=settings.timeout,
            ipv4_only=settings.ipv4_only,
        ),
        _look_at_services(settings, network),
    )
    figures |= {
        "container_count": running,
        "internet_status": online.ok,
        "ping_ms": None if online.ping_ms is None else round(online.ping_ms, 2),
        "cycle_duration_ms": round((time.monotonic() - began) * 1_000),
    }
    return {
        "at": at.isoformat(),
        "agent": __version__,
        "services": services,
        "host": {name: value for name, value in figures.items() if value is not None},
    }


async def _look_at_services(settings: AgentSettings, network: Network) -> dict[str, Any]:
    items = [
        (
            service.name,
            service.probe.kind,
            Target(service.target, service.options, settings.timeout),
        )
        for service in settings.services
    ]
    found = {str(name): result async for name, result in look_at(items, network)}
    return {
        service.name: _as_json(found[service.name])
        | {"target": without_credentials(service.target)}
        for service in settings.services
    }


def _as_json(found: ProbeResult) -> dict[str, Any]:
    """What was found as `POST /api/heartbeat` takes it."""
    expires_at = found.certificate_expires_at
    fields = {
        "latency_ms": None if found.latency_ms is None else round(found.latency_ms, 2),
        "status_code": found.status_code,
        "error": found.reason or None,
        "certificate_expires_at": expires_at.isoformat() if expires_at else None,
    }
    told = {name: value for name, value in fields.items() if value is not None}
    return {"status": found.result.value, **told}
