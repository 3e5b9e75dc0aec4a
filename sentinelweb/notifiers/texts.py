"""What messages say, in the language and time zone of `i18n.reader()`."""

from __future__ import annotations

from datetime import datetime

from sentinelweb.core.durations import format_duration
from sentinelweb.i18n import format_datetime, ngettext
from sentinelweb.i18n import gettext as _
from sentinelweb.notifiers.base import Message


def text(message: Message, limit: int | None = None) -> str:
    """The message as plain text, of at most `limit` UTF-16 code units (as Telegram counts).

    What is too long loses the end of its description; a digest loses lines, and says how many.
    """
    if message.event == "digest":
        return _digest(message, limit)
    write = {"down": _down, "up": _up, "flapping": _flapping, "calm": _calm}.get(
        message.event, _test
    )
    description = message.facts.get("description", "")
    whole = write(message, description)
    if limit is None or length(whole) <= limit:
        return whole
    room = limit - length(write(message, "…"))
    return write(message, _cut(description, room) + "…")


def length(content: str) -> int:
    """The number of UTF-16 code units."""
    return len(content.encode("utf-16-le", "surrogatepass")) // 2


def _cut(content: str, units: int) -> str:
    """The beginning of `content` that fits into so many UTF-16 code units."""
    data = content.encode("utf-16-le", "surrogatepass")[: 2 * max(0, units)]
    return data.decode("utf-16-le", "ignore")


def _down(message: Message, description: str) -> str:
    """Seed 000's alert, line by line; a job that said itself that it failed is not late."""
    facts = message.facts
    last_ping = facts.get("last_ping")
    title, reason = _failure(facts.get("note", ""))
    return _lines(
        f"🚨 {title}",
        "",
        "⚠️ " + _("Task: %(name)s", name=facts["name"]),
        _described(description),
        "⏰ " + _("Last ping: %(time)s", time=_time(last_ping) if last_ping else _("never")),
        "❗ " + _("Reason: %(reason)s", reason=reason)
        if reason
        else "🕐 " + _("Late by: %(duration)s", duration=_duration(facts.get("late_by"))),
        "⚙️ " + _("Expected period: %(period)s", period=expected_period(message)),
        _when(message),
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
    facts = message.facts
    return _lines(
        "✅ " + _("HEARTBEAT RECOVERED"),
        "",
        "⚠️ " + _("Task: %(name)s", name=facts["name"]),
        _described(description),
        "⏰ " + _("Back since: %(time)s", time=format_datetime(message.occurred_at)),
        "🕐 " + _("Was down for: %(duration)s", duration=_duration(facts.get("down_for"))),
        "⚙️ " + _("Expected period: %(period)s", period=expected_period(message)),
    )


def _flapping(message: Message, description: str) -> str:
    facts = message.facts
    changes = ngettext(
        "%(n)s change of status within %(duration)s",
        "%(n)s changes of status within %(duration)s",
        facts["changes"],
        duration=_duration(facts["window"]),
    )
    return _lines(
        "🔁 " + _("HEARTBEAT FLAPPING"),
        "",
        "⚠️ " + _("Task: %(name)s", name=facts["name"]),
        _described(description),
        f"🕐 {changes}",
        "📍 " + _("Status: %(status)s", status=status_word(facts["status"])),
        _when(message),
        "",
        "💡 " + _("Further changes are not announced until it has calmed down."),
    )


def _calm(message: Message, description: str) -> str:
    facts = message.facts
    return _lines(
        "🍃 " + _("HEARTBEAT CALM AGAIN"),
        "",
        "⚠️ " + _("Task: %(name)s", name=facts["name"]),
        _described(description),
        "📍 " + _("Status: %(status)s", status=status_word(facts["status"])),
        "⏰ " + _("Since: %(time)s", time=format_datetime(message.occurred_at)),
    )


def _test(message: Message, _description: str) -> str:
    return _lines(
        "🧪 " + _("TEST MESSAGE"),
        "",
        "📣 " + _("Channel: %(name)s", name=message.facts.get("channel", "")),
        "💡 " + _("It works: alerts of SentinelWeb will arrive here."),
    )


def _digest(message: Message, limit: int | None) -> str:
    count = len(message.parts)
    title = ngettext("%(n)s ALERT AT ONCE", "%(n)s ALERTS AT ONCE", count)
    lines = [f"📦 {title}", ""]
    lines += [_summary(part) for part in message.parts]
    if limit is None or length("\n".join(lines)) <= limit:
        return "\n".join(lines)
    kept, used = lines[:2], length("\n".join(lines[:2]))
    for position, line in enumerate(lines[2:]):
        more = "… " + _("and %(n)s more", n=count - position)
        if used + 1 + length(line) + 1 + length(more) > limit:
            return "\n".join([*kept, more])
        kept.append(line)
        used += 1 + length(line)
    return "\n".join(kept)


def _summary(message: Message) -> str:
    """One line of a digest."""
    name, time = message.facts.get("name", ""), format_datetime(message.occurred_at)
    match message.event:
        case "down":
            return "🚨 " + _("%(name)s: down, %(time)s", name=name, time=time)
        case "up":
            return "✅ " + _("%(name)s: recovered, %(time)s", name=name, time=time)
        case "flapping":
            return "🔁 " + _("%(name)s: flapping, %(time)s", name=name, time=time)
        case _:
            status = status_word(message.facts.get("status", ""))
            return "🍃 " + _("%(name)s: calm again, %(status)s", name=name, status=status)


def expected_period(message: Message) -> str:
    """`1d`, or the cron expression with its time zone."""
    facts = message.facts
    if facts.get("cron_expression"):
        return f"{facts['cron_expression']} ({facts.get('cron_timezone') or 'UTC'})"
    return _duration(facts.get("expected_period"))


def status_word(status: str) -> str:
    words = {
        "new": _("New"),
        "up": _("Up"),
        "late": _("Late"),
        "down": _("Down"),
        "paused": _("Paused"),
    }
    return words.get(status, status)


def _described(description: str) -> str | None:
    return "📋 " + _("Description: %(text)s", text=description) if description else None


def _when(message: Message) -> str | None:
    """An old message says when it happened; a fresh one need not."""
    if not message.is_delayed:
        return None
    return "📅 " + _("Happened at: %(time)s", time=format_datetime(message.occurred_at))


def _time(iso: str) -> str:
    return format_datetime(datetime.fromisoformat(iso))


def _duration(seconds: int | None) -> str:
    return format_duration(seconds or 0)


def _lines(*lines: str | None) -> str:
    return "\n".join(line for line in lines if line is not None)
