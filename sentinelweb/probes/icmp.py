"""`icmp:HOST`: a machine that must answer a ping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.probes.base import Probe, Target
from sentinelweb.probes.endpoints import parse_endpoint

if TYPE_CHECKING:
    from sentinelweb.outbound.network import Network


class Icmp(Probe):
    kind = "icmp"
    label = _("Ping (ICMP)")
    icon = "radar"
    summary = _("A machine that must answer an ICMP echo request")
    example = "icmp:router.example.com"
    schemes = ("icmp",)
    order = 4

    def clean_address(self, address: str) -> str:
        try:
            endpoint = parse_endpoint(address.partition(":")[2].removeprefix("//"))
        except ValueError:
            raise self.not_a_target() from None
        if endpoint.port is not None:
            raise self.not_a_target()
        return f"icmp:{endpoint.shown}"

    async def look(self, target: Target, network: Network) -> ProbeResult:
        from sentinelweb.outbound import icmp

        host = parse_endpoint(target.address.removeprefix("icmp:")).host
        seconds = await icmp.echo(network, host, seconds=target.timeout)
        return ProbeResult(Result.HEALTHY, latency_ms=seconds * 1_000)
