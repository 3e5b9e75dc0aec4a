"""What messages say, in the language and time zone of `i18n.reader()`."""

from __future__ import annotations

from collections.abc import Callable

from sentinelweb.i18n import format_datetime, ngettext
from sentinelweb.i18n import gettext as _
from sentinelweb.notifiers import (
    heartbeat_texts,
    host_texts,
    phrases,
    process_texts,
    relay_texts,
    service_texts,
)
from sentinelweb.notifiers.base import Message
from sentinelweb.notifiers.phrases import Wording
from sentinelweb.probes import reasons

_WORDINGS = {
    "heartbeat": heartbeat_texts.WORDING,
    "service": service_texts.WORDING,
    "host": host_texts.WORDING,
    "process": process_texts.WORDING,
}


def text(message: Message, limit: int | None = None) -> str:
    """The message as plain text, of at most `limit` UTF-16 code units (as Telegram counts).

    What is too long loses the end of its description; a digest loses lines, and says how many.
    """
    if message.event == "digest":
        return _digest(message, limit)
    write = _writer(message)
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


def _writer(message: Message) -> Callable[[Message, str], str]:
    match message.event:
        case "down":
            return _wording(message).down
        case "up":
            return _wording(message).up
        case "flapping":
            return _flapping
        case "calm":
            return _calm
        case "relay":
            return relay_texts.relay
        case _:
            return _test


def _wording(message: Message) -> Wording:
    return _WORDINGS[message.facts["kind"]]


def _flapping(message: Message, description: str) -> str:
    facts, wording = message.facts, _wording(message)
    changes = ngettext(
        "%(n)s change of status within %(duration)s",
        "%(n)s changes of status within %(duration)s",
        facts["changes"],
        duration=phrases.duration(facts["window"]),
    )
    return phrases.lines(
        f"🔁 {wording.flapping}",
        "",
        wording.subject(message),
        phrases.described(description),
        f"🕐 {changes}",
        "📍 " + _("Status: %(status)s", status=phrases.status_word(facts["status"])),
        phrases.happened_at_if_delayed(message),
        "",
        "💡 " + _("Further changes are not announced until it has calmed down."),
    )


def _calm(message: Message, description: str) -> str:
    facts, wording = message.facts, _wording(message)
    return phrases.lines(
        f"🍃 {wording.calm}",
        "",
        wording.subject(message),
        phrases.described(description),
        "📍 " + _("Status: %(status)s", status=phrases.status_word(facts["status"])),
        "⏰ " + _("Since: %(time)s", time=format_datetime(message.occurred_at)),
    )


def _test(message: Message, _description: str) -> str:
    return phrases.lines(
        "🧪 " + _("TEST MESSAGE"),
        "",
        "📣 " + _("Channel: %(name)s", name=message.facts.get("channel", "")),
        "💡 " + _("It works: alerts of SentinelWeb will arrive here."),
    )


def _digest(message: Message, limit: int | None) -> str:
    count = len(message.parts)
    heading = ngettext("%(n)s ALERT AT ONCE", "%(n)s ALERTS AT ONCE", count)
    lines = [f"📦 {heading}", ""]
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
    facts, time = message.facts, format_datetime(message.occurred_at)
    name = facts.get("name", "")
    match message.event:
        case "down" if facts.get("kind") == "service" and facts.get("note"):
            reason = reasons.explain(facts["note"])
            return "🚨 " + _(
                "%(name)s: down (%(reason)s), %(time)s", name=name, reason=reason, time=time
            )
        case "down":
            return "🚨 " + _("%(name)s: down, %(time)s", name=name, time=time)
        case "up":
            return "✅ " + _("%(name)s: recovered, %(time)s", name=name, time=time)
        case "flapping":
            return "🔁 " + _("%(name)s: flapping, %(time)s", name=name, time=time)
        case "relay":
            code = relay_texts.code_word(facts.get("code"))
            return "📡 " + _("%(name)s: relay %(code)s, %(time)s", name=name, code=code, time=time)
        case _:
            status = phrases.status_word(facts.get("status", ""))
            return "🍃 " + _("%(name)s: calm again, %(status)s", name=name, status=status)
