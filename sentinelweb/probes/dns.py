"""`dns:NAME`: a record that the name servers must know."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.outbound.failures import NotUnderstoodError
from sentinelweb.probes import reasons
from sentinelweb.probes.base import Option, Probe, Target
from sentinelweb.probes.endpoints import parse_endpoint

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.rdata import Rdata

    from sentinelweb.outbound.network import Network

RECORD_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
DNS_PORT = 53


def _check_name_server(text: str) -> str:
    try:
        endpoint = parse_endpoint(text)
    except ValueError:
        raise ValueError(gettext("Enter a host, as in “192.0.2.53” or “ns.example.com”.")) from None
    return endpoint.shown + (f":{endpoint.port}" if endpoint.port else "")


class Dns(Probe):
    kind = "dns"
    label = _("DNS record")
    icon = "at-sign"
    summary = _("A name that must be known, with the value that you expect")
    example = "dns:example.com"
    schemes = ("dns",)
    order = 5
    options = (
        Option("record_type", _("Record type"), kind="choice", choices=RECORD_TYPES, default="A"),
        Option(
            "expected_value",
            _("Expected value"),
            placeholder="192.0.2.10",
            help=_("What one of the records must say; anything if this is empty."),
            max_length=500,
        ),
        Option(
            "name_server",
            _("Name server"),
            placeholder="192.0.2.53",
            help=_("Whom to ask; this machine's own name servers if this is empty."),
            max_length=260,
            check=_check_name_server,
        ),
    )

    def clean_address(self, address: str) -> str:
        try:
            endpoint = parse_endpoint(address.partition(":")[2].removeprefix("//"))
        except ValueError:
            raise self.not_a_target() from None
        if endpoint.port is not None or ":" in endpoint.host:
            raise self.not_a_target()
        return f"dns:{endpoint.shown}"

    async def look(self, target: Target, network: Network) -> ProbeResult:
        # Not above: every process knows the kinds, and few ask a name server.
        import dns.exception
        import dns.resolver

        name = parse_endpoint(target.address.removeprefix("dns:")).host
        began = time.perf_counter()
        try:
            async with asyncio.timeout(target.timeout):
                resolver = await self._resolver(target, network)
                answer = await resolver.resolve(
                    name,
                    self.option(target, "record_type"),
                    lifetime=target.timeout,
                    search=False,
                )
        except dns.resolver.NoResolverConfiguration:
            return ProbeResult(Result.UNKNOWN, reason=reasons.NO_NAME_SERVER)
        except dns.exception.Timeout:
            raise TimeoutError from None
        except dns.resolver.NXDOMAIN:
            return ProbeResult(Result.DOWN, reason=reasons.HOST_NOT_FOUND)
        except dns.resolver.NoAnswer:
            return ProbeResult(Result.ERROR, reason=reasons.NO_SUCH_RECORD)
        except dns.resolver.NoNameservers:
            return ProbeResult(Result.ERROR, reason=reasons.NAME_SERVER_FAILED)
        except dns.exception.DNSException:
            raise NotUnderstoodError from None
        latency_ms = (time.perf_counter() - began) * 1_000
        wanted = self.option(target, "expected_value")
        if wanted and _comparable(wanted) not in map(_text, answer):
            return ProbeResult(Result.ERROR, latency_ms=latency_ms, reason=reasons.OTHER_RECORD)
        return ProbeResult(Result.HEALTHY, latency_ms=latency_ms)

    async def _resolver(self, target: Target, network: Network) -> Resolver:
        from dns.asyncresolver import Resolver

        name_server = self.option(target, "name_server")
        if not name_server:
            return Resolver()
        endpoint = parse_endpoint(name_server)
        resolver = Resolver(configure=False)
        resolver.nameservers = await network.addresses(endpoint.host)
        resolver.port = endpoint.port or DNS_PORT
        return resolver


def _text(record: Rdata) -> str:
    strings = getattr(record, "strings", None)  # of a TXT record, which are one text in pieces
    return _comparable(b"".join(strings).decode(errors="replace") if strings else record.to_text())


def _comparable(value: str) -> str:
    """Names end with a dot or not, and their case means nothing."""
    return " ".join(word.removesuffix(".") for word in value.strip().lower().split())
