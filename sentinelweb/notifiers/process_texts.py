"""What is told of processes: that one fell silent or failed, with what it told last."""

from __future__ import annotations

from sentinelweb.i18n import format_number, lazy_gettext
from sentinelweb.i18n import gettext as _
from sentinelweb.notifiers import phrases
from sentinelweb.notifiers.base import Message
from sentinelweb.notifiers.phrases import Wording


def _down(message: Message, description: str) -> str:
    facts = message.facts
    note = facts.get("note", "")
    failed = note.startswith("exit ")
    return phrases.lines(
        "🚨 " + (_("PROCESS FAILED") if failed else _("PROCESS SILENT")),
        "",
        subject(message),
        phrases.described(description),
        phrases.reason(_("it ended with exit status %(status)s", status=note.removeprefix("exit ")))
        if failed
        else "⏰ " + _("Last heartbeat: %(time)s", time=phrases.time(facts["last_heartbeat"])),
        None
        if failed
        else "🕐 " + _("Silent for: %(duration)s", duration=phrases.duration(facts["silent_for"])),
        *_told(message),
        phrases.happened_at(message),
        "",
        phrases.details(message),
    )


def _told(message: Message) -> list[str | None]:
    """Where it ran, and how far it had come."""
    facts = message.facts
    progress = facts.get("progress")
    return [
        "🖥️ " + _("Host: %(name)s", name=facts["host"]) if facts.get("host") else None,
        None
        if progress is None
        else "📈 " + _("Progress: %(percent)s %%", percent=format_number(round(progress))),
        "💬 " + _("Last message: %(text)s", text=facts["message"])
        if facts.get("message")
        else None,
    ]


def _up(message: Message, description: str) -> str:
    return phrases.back(_("PROCESS BACK"), subject(message), message, description)


def subject(message: Message) -> str:
    return "⚠️ " + _("Process: %(name)s", name=message.facts["name"])


WORDING = Wording(
    down=_down,
    up=_up,
    subject=subject,
    flapping=lazy_gettext("PROCESS FLAPPING"),
    calm=lazy_gettext("PROCESS CALM AGAIN"),
)
