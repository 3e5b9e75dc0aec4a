"""The pieces that the texts of all kinds of monitor are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sentinelweb.core.durations import format_duration
from sentinelweb.i18n import format_datetime
from sentinelweb.i18n import gettext as _
from sentinelweb.notifiers.base import Message


@dataclass(frozen=True, slots=True)
class Wording:
    """How messages speak of one kind of monitor.

    `down` and `up` write the whole text, given the description that it may hold. `subject` is the
    line that names the monitor; `flapping` and `calm` are titles, translated when they are shown.
    """

    down: Callable[[Message, str], str]
    up: Callable[[Message, str], str]
    subject: Callable[[Message], str]
    flapping: str
    calm: str


def described(description: str) -> str | None:
    return "📋 " + _("Description: %(text)s", text=description) if description else None


def reason(text: str) -> str:
    return "❗ " + _("Reason: %(reason)s", reason=text)


def happened_at(message: Message) -> str:
    return "📅 " + _("Happened at: %(time)s", time=format_datetime(message.occurred_at))


def happened_at_if_delayed(message: Message) -> str | None:
    """An old message says when it happened; a fresh one need not."""
    return happened_at(message) if message.is_delayed else None


def back(title: str, subject: str, message: Message, description: str) -> str:
    """The whole text of who was silent, and is heard again."""
    return lines(
        f"✅ {title}",
        "",
        subject,
        described(description),
        back_since(message),
        was_down_for(message),
        "",
        details(message),
    )


def back_since(message: Message) -> str:
    return "⏰ " + _("Back since: %(time)s", time=format_datetime(message.occurred_at))


def was_down_for(message: Message) -> str:
    return "🕐 " + _("Was down for: %(duration)s", duration=duration(message.facts.get("down_for")))


def details(message: Message) -> str:
    return "🔗 " + _("Details: %(url)s", url=message.page_url)


def time(iso: str) -> str:
    return format_datetime(datetime.fromisoformat(iso))


def duration(seconds: int | None) -> str:
    return format_duration(seconds or 0)


def status_word(status: str) -> str:
    words = {
        "new": _("New"),
        "up": _("Up"),
        "late": _("Late"),
        "down": _("Down"),
        "paused": _("Paused"),
    }
    return words.get(status, status)


def lines(*texts: str | None) -> str:
    return "\n".join(text for text in texts if text is not None)
