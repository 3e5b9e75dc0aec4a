"""What is told of services: seed 004's "Enriched Alerts".

An alert says why, a recovery how quickly the service answers now, and both when.
"""

from __future__ import annotations

from sentinelweb.i18n import format_number, lazy_gettext
from sentinelweb.i18n import gettext as _
from sentinelweb.notifiers import phrases
from sentinelweb.notifiers.base import Message
from sentinelweb.notifiers.phrases import Wording
from sentinelweb.probes import reasons


def _down(message: Message, description: str) -> str:
    facts = message.facts
    failures = facts.get("failures")
    return phrases.lines(
        "🚨 " + _("SERVICE DOWN"),
        "",
        _subject(message),
        phrases.described(description),
        _address(message),
        phrases.reason(reasons.explain(facts.get("note") or _("unknown"))),
        "🔢 " + _("Failures in a row: %(n)s", n=format_number(failures)) if failures else None,
        phrases.happened_at(message),
        "",
        "💡 " + _("Action: Check that the service is running and can be reached!"),
        phrases.details(message),
    )


def _up(message: Message, description: str) -> str:
    latency = message.facts.get("latency_ms")
    return phrases.lines(
        "✅ " + _("SERVICE RECOVERED"),
        "",
        _subject(message),
        phrases.described(description),
        _address(message),
        None
        if latency is None
        else "⚡ " + _("Latency: %(latency)s ms", latency=format_number(round(latency, 1))),
        phrases.back_since(message),
        phrases.was_down_for(message),
        "",
        phrases.details(message),
    )


def _subject(message: Message) -> str:
    return "⚠️ " + _("Service: %(name)s", name=message.facts["name"])


def _address(message: Message) -> str:
    return "🌐 " + _("Address: %(address)s", address=message.facts.get("target", ""))


WORDING = Wording(
    down=_down,
    up=_up,
    subject=_subject,
    flapping=lazy_gettext("SERVICE FLAPPING"),
    calm=lazy_gettext("SERVICE CALM AGAIN"),
)
