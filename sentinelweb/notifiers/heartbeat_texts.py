"""What is told of heartbeats: seed 000's alert, line by line."""

from __future__ import annotations

from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import lazy_gettext
from sentinelweb.notifiers import phrases
from sentinelweb.notifiers.base import Message
from sentinelweb.notifiers.phrases import Wording


def _down(message: Message, description: str) -> str:
    """A job that said itself that it failed is not late."""
    facts = message.facts
    last_ping = facts.get("last_ping")
    title, reason = _failure(facts.get("note", ""))
    return phrases.lines(
        f"🚨 {title}",
        "",
        _subject(message),
        phrases.described(description),
        "⏰ " + _("Last ping: %(time)s", time=phrases.time(last_ping) if last_ping else _("never")),
        phrases.reason(reason)
        if reason
        else "🕐 " + _("Late by: %(duration)s", duration=phrases.duration(facts.get("late_by"))),
        "⚙️ " + _("Expected period: %(period)s", period=_expected_period(message)),
        phrases.happened_at_if_delayed(message),
        "",
        "💡 " + _("Action: Check that the cron job or script is running properly!"),
        "🔗 " + _("Ping URL: %(url)s", url=message.ping_url),
    )


def _failure(note: str) -> tuple[str, str]:
    """The title of an alert, and its reason unless that is a missing ping."""
    if note == "unfinished":
        return _("JOB NOT FINISHED"), _("a run did not end within the grace")
    if note == "failed":
        return _("JOB FAILED"), _("the job reported a failure")
    if note.startswith("exit "):
        status = note.removeprefix("exit ")
        return _("JOB FAILED"), _("the job ended with exit status %(status)s", status=status)
    return _("HEARTBEAT MISSED"), ""


def _up(message: Message, description: str) -> str:
    return phrases.lines(
        "✅ " + _("HEARTBEAT RECOVERED"),
        "",
        _subject(message),
        phrases.described(description),
        phrases.back_since(message),
        phrases.was_down_for(message),
        "⚙️ " + _("Expected period: %(period)s", period=_expected_period(message)),
    )


def _subject(message: Message) -> str:
    return "⚠️ " + _("Task: %(name)s", name=message.facts["name"])


def _expected_period(message: Message) -> str:
    """`1d`, or the cron expression with its time zone."""
    facts = message.facts
    if facts.get("cron_expression"):
        return f"{facts['cron_expression']} ({facts.get('cron_timezone') or 'UTC'})"
    return phrases.duration(facts.get("expected_period"))


WORDING = Wording(
    down=_down,
    up=_up,
    subject=_subject,
    flapping=lazy_gettext("HEARTBEAT FLAPPING"),
    calm=lazy_gettext("HEARTBEAT CALM AGAIN"),
)
