"""Every call to somebody else's server: channels by `request()`, probes by `network.Network`."""

from sentinelweb.outbound.addresses import Reach
from sentinelweb.outbound.calls import (
    BODY_BYTES,
    TOTAL_SECONDS,
    USER_AGENT,
    Answer,
    OutboundError,
    request,
)

__all__ = [
    "BODY_BYTES",
    "TOTAL_SECONDS",
    "USER_AGENT",
    "Answer",
    "OutboundError",
    "Reach",
    "request",
]
