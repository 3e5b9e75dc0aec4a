"""The reasons that a ProbeResult may give: English where stored, translated for readers."""

from __future__ import annotations

import re
from datetime import datetime

from sentinelweb import i18n
from sentinelweb.i18n import ngettext


def N_(text: str) -> str:  # noqa: N802 - the name by which catalogs find texts to translate later
    return text


TIMEOUT = N_("Timeout")
HOST_NOT_FOUND = N_("Host not found")
HOST_UNREACHABLE = N_("Host unreachable")
REFUSED = N_("Connection refused")
CLOSED = N_("Connection closed")
CERTIFICATE_NOT_ACCEPTED = N_("Certificate not accepted")
CERTIFICATE_EXPIRED = N_("Certificate expired")
CERTIFICATE_OF_ANOTHER_HOST = N_("Certificate of another host")
NO_SECURE_CONNECTION = N_("No secure connection")
NOT_UNDERSTOOD = N_("Answer not understood")
TOO_MANY_REDIRECTS = N_("Too many redirects")
KEYWORD_NOT_FOUND = N_("Keyword not found")
KEYWORD_FOUND = N_("Keyword found")
NOT_JSON = N_("Answer is not JSON")
JSON_PATH_NOT_MATCHED = N_("JSON path not matched")
NO_SUCH_RECORD = N_("Record not found")
OTHER_RECORD = N_("Record has another value")
NAME_SERVER_FAILED = N_("Name server failed")
CONTAINER_NOT_FOUND = N_("Container not found")
CONTAINER_UNHEALTHY = N_("Container unhealthy")
# The states of the Docker Engine beside `running`; "Container exited" is seed 004's.
CONTAINER_STATES = {
    "created": N_("Container created"),
    "dead": N_("Container dead"),
    "exited": N_("Container exited"),
    "paused": N_("Container paused"),
    "removing": N_("Container removing"),
    "restarting": N_("Container restarting"),
}
CONTAINER_NOT_RUNNING = N_("Container not running")

# Our own failures, which come with the result unknown.
ADDRESS_NOT_ALLOWED = N_("Address not allowed")
DOCKER_NOT_REACHABLE = N_("Docker not reachable")
NOT_PERMITTED = N_("Not permitted on this machine")
NO_NAME_SERVER = N_("No name server")
EXHAUSTED = N_("No connections left on this machine")
INTERNAL_ERROR = N_("Internal error")
CUT_OFF = N_("Probe did not end")
BUSY = N_("This machine was too busy")

_EXPIRES = re.compile(r"Certificate expires in (\d+) days?")


def of_certificate(expires_at: datetime, now: datetime, days: int) -> str:
    """Why a certificate until `expires_at` lasts less than `days` days; empty if it lasts them."""
    left = (expires_at - now).days
    if left < 0:
        return CERTIFICATE_EXPIRED
    if left >= days:
        return ""
    return f"Certificate expires in {left} day{'' if left == 1 else 's'}"


def explain(reason: str) -> str:
    """A stored `reason` in the reader's language; `HTTP 500` is the same in all."""
    if expires := _EXPIRES.fullmatch(reason):
        return ngettext(
            "Certificate expires in %(n)s day", "Certificate expires in %(n)s days", int(expires[1])
        )
    return i18n.gettext(reason) if reason else ""
