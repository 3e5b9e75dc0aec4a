"""What is told of hosts: that one went silent, and that it is back."""

from __future__ import annotations

from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import lazy_gettext
from sentinelweb.notifiers import phrases
from sentinelweb.notifiers.base import Message
from sentinelweb.notifiers.phrases import Wording


def _down(message: Message, description: str) -> str:
    last, silent_for = message.facts.get("last_report"), message.facts.get("silent_for")
    return phrases.lines(
        "🚨 " + _("HOST SILENT"),
        "",
        subject(message),
        phrases.described(description),
        "⏰ " + _("Last report: %(time)s", time=phrases.time(last) if last else _("never")),
        None
        if silent_for is None
        else "🕐 " + _("Silent for: %(duration)s", duration=phrases.duration(silent_for)),
        phrases.happened_at(message),
        "",
        "💡 " + _("Action: Check that the machine and its agent are running!"),
        phrases.details(message),
    )


def _up(message: Message, description: str) -> str:
    return phrases.back(_("HOST BACK"), subject(message), message, description)


def subject(message: Message) -> str:
    return "⚠️ " + _("Host: %(name)s", name=message.facts["name"])


WORDING = Wording(
    down=_down,
    up=_up,
    subject=subject,
    flapping=lazy_gettext("HOST FLAPPING"),
    calm=lazy_gettext("HOST CALM AGAIN"),
)
