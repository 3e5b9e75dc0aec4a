"""`tcp://HOST:PORT`: something accepts connections there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.probes.base import Probe, Target
from sentinelweb.probes.endpoints import parse_endpoint

if TYPE_CHECKING:
    from sentinelweb.outbound.network import Network


class Tcp(Probe):
    kind = "tcp"
    label = _("TCP port")
    icon = "plug"
    summary = _("A port that must accept connections: a database, a mail server")
    example = "tcp://db.example.com:5432"
    schemes = ("tcp",)
    order = 2

    def clean_address(self, address: str) -> str:
        try:
            endpoint = parse_endpoint(address.partition(":")[2].removeprefix("//"))
        except ValueError:
            raise self.not_a_target() from None
        if endpoint.port is None:
            raise self.not_a_target()
        return f"tcp://{endpoint.shown}:{endpoint.port}"

    async def look(self, target: Target, network: Network) -> ProbeResult:
        endpoint = parse_endpoint(target.address.removeprefix("tcp://"))
        began = time.perf_counter()
        with await network.connect(endpoint.host, endpoint.port or 0, seconds=target.timeout):
            return ProbeResult(Result.HEALTHY, latency_ms=(time.perf_counter() - began) * 1_000)
