"""Why a service is not healthy, for people: the reasons of probes in the reader's language.

Reasons are stored as a few English words that never change (core/results.py). Here alone they are
translated, for alerts and pages alike; one that is not known here is shown as it is.
"""

from __future__ import annotations

import re

from sentinelweb.i18n import gettext, ngettext


def N_(text: str) -> str:  # noqa: N802 - gettext's name for "translated where it is shown"
    return text


KNOWN = frozenset(
    {
        N_("Address not allowed"),
        N_("Certificate expired"),
        N_("Certificate not accepted"),
        N_("Connection closed"),
        N_("Connection refused"),
        N_("Container exited"),
        N_("Container not found"),
        N_("Container unhealthy"),
        N_("Docker not reachable"),
        N_("Host not found"),
        N_("Host unreachable"),
        N_("JSON path not matched"),
        N_("Keyword not found"),
        N_("Timeout"),
    }
)

_CERTIFICATE = re.compile(r"Certificate expires in (\d{1,5}) days?")


def in_words(reason: str) -> str:
    """`reason` as its reader says it."""
    if reason in KNOWN:
        return gettext(reason)
    if match := _CERTIFICATE.fullmatch(reason):
        return ngettext(
            "Certificate expires in %(n)s day",
            "Certificate expires in %(n)s days",
            int(match[1]),
        )
    return reason
