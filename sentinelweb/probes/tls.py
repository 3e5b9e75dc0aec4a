"""`tls://HOST[:PORT]`: a certificate that is in order, and will be for some time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sentinelweb import clock
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.probes import reasons
from sentinelweb.probes.base import Option, Probe, Target
from sentinelweb.probes.endpoints import parse_endpoint

if TYPE_CHECKING:
    from sentinelweb.outbound.network import Network

HTTPS_PORT = 443


def _check_server_name(name: str) -> str:
    try:
        endpoint = parse_endpoint(name)
    except ValueError:
        raise ValueError(gettext("Enter a host name.")) from None
    if endpoint.port is not None:
        raise ValueError(gettext("Enter a host name."))
    return endpoint.shown


class Tls(Probe):
    kind = "tls"
    label = _("TLS certificate")
    icon = "shield-check"
    summary = _("A certificate that must be valid, and not expire soon")
    example = "tls://example.com:443"
    schemes = ("tls",)
    order = 3
    options = (
        Option(
            "days",
            _("Days that the certificate must last"),
            kind="number",
            default="14",
            lowest=0,
            highest=365,
            help=_("With fewer days left it is an error."),
        ),
        Option(
            "server_name",
            _("Server name"),
            placeholder="www.example.com",
            help=_("The name that the certificate must be for, if it is another than the host's."),
            max_length=255,
            check=_check_server_name,
        ),
    )

    def clean_address(self, address: str) -> str:
        try:
            endpoint = parse_endpoint(address.partition(":")[2].removeprefix("//"))
        except ValueError:
            raise self.not_a_target() from None
        return f"tls://{endpoint.shown}:{endpoint.port or HTTPS_PORT}"

    async def look(self, target: Target, network: Network) -> ProbeResult:
        endpoint = parse_endpoint(target.address.removeprefix("tls://"))
        name = self.option(target, "server_name")
        began = time.perf_counter()
        connection = await network.connect(
            endpoint.host,
            endpoint.port or HTTPS_PORT,
            seconds=target.timeout,
            verify=network.verifying,
            server_name=parse_endpoint(name).host if name else None,
        )
        with connection:
            latency_ms = (time.perf_counter() - began) * 1_000
            expires_at = connection.certificate_expires_at
        reason = ""
        if expires_at:
            reason = reasons.of_certificate(expires_at, clock.now(), self.option(target, "days"))
        return ProbeResult(
            Result.ERROR if reason else Result.HEALTHY,
            latency_ms=latency_ms,
            reason=reason,
            certificate_expires_at=expires_at,
        )
