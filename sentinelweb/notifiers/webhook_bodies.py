"""The bodies of webhooks, by the template that a channel has chosen; ours is in webhook.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinelweb.core import pulsemon as words
from sentinelweb.notifiers import telegram, texts
from sentinelweb.notifiers.base import Message

DISCORD_CHARACTERS = 2_000
SLACK_CHARACTERS = 40_000
_SUPPRESS_EMBEDS = 1 << 2  # https://discord.com/developers/docs/resources/message#message-object
_AMPERSAND = "&amp;"

# What a template of one's own may use; a text is cut, so that it stays cheap to work with.
_FACTS = (
    *("name", "slug", "alias", "kind", "description", "status", "previous", "note"),
    *("occurred_at", "expected_period", "grace_period", "last_ping", "late_by", "down_for"),
    *("target", "result", "latency_ms", "status_code", "failures", "last_report"),
    *("last_heartbeat", "silent_for", "host", "progress", "message", "code", "previous_code"),
    *("channel", "changes"),
)
FACT_CHARACTERS = 10_000


def pulsemon(message: Message) -> dict[str, Any]:
    """Seed 001's body, to which all that is neither `down` nor `up` adds its `event`."""
    if message.event == "digest":
        return {"event": "digest", "events": [pulsemon(part) for part in message.parts]}
    facts = message.facts
    last_ping = facts.get("last_ping") or facts.get("last_report") or facts.get("last_heartbeat")
    if message.event == "up" and facts.get("note") == "pinged":
        last_ping = facts["occurred_at"]  # the ping that ended it
    body = {
        "slug": facts.get("alias") or facts.get("slug") or "test",
        "name": facts.get("name") or facts.get("channel"),
        "status": words.status_word(facts["status"]) if "status" in facts else words.UNKNOWN,
        "occurred_at": words.instant(message.occurred_at),
        "interval_seconds": facts.get("expected_period"),
        "grace_seconds": facts.get("grace_period"),
        "last_ping": words.instant_of(last_ping) if last_ping else None,
    }
    if message.event in {"down", "up"}:
        return body
    codes = {name: facts[name] for name in ("code", "previous_code") if name in facts}
    return {**body, "event": message.event, **codes}


def discord(message: Message) -> dict[str, Any]:
    """For Discord's "Execute Webhook". Nobody is mentioned, and no link is opened for a preview:

    a ping URL that is opened is a ping.
    """
    return {
        "content": _with_code(message, DISCORD_CHARACTERS),
        "allowed_mentions": {"parse": []},
        "flags": _SUPPRESS_EMBEDS,
    }


def slack(message: Message) -> dict[str, Any]:
    """For Slack's "Incoming Webhooks"; likewise."""
    # An "&" takes the room of five characters.
    text = _with_code(message, SLACK_CHARACTERS // len(_AMPERSAND))
    escaped = text.replace("&", _AMPERSAND).replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped, "unfurl_links": False, "unfurl_media": False}


def telegram_message(message: Message) -> dict[str, Any]:
    """For `…/sendMessage?chat_id=…` of the Bot API."""
    return telegram.content(message)


def _with_code(message: Message, limit: int) -> str:
    """The text, of which the ping URL is code: a touch copies it instead of opening it."""
    text = texts.text(message, limit - 2)
    if message.event == "down" and message.facts["kind"] == "heartbeat":
        before, url, after = text.rpartition(message.ping_url)
        return f"{before}`{url}`{after}" if url else text
    return text


def facts(message: Message) -> dict[str, Any]:
    """What a template of one's own can say; None for what there is not.

    Of a digest `events` has the same for each of its messages.
    """
    text = texts.text(message, FACT_CHARACTERS)
    found = {name: _short(message.facts.get(name)) for name in _FACTS}
    of_monitor = "id" in message.facts
    is_heartbeat = message.facts.get("kind") == "heartbeat"
    return {
        **found,
        "id": message.uid,
        "event": message.event,
        "title": text.partition("\n")[0],
        "text": text,
        "interval_seconds": found["expected_period"],
        "grace_seconds": found["grace_period"],
        "page_url": message.page_url if of_monitor else None,
        "ping_url": message.ping_url if is_heartbeat else None,
        "events": [facts(part) for part in message.parts],
    }


def _short(value: Any) -> Any:
    return value[:FACT_CHARACTERS] if isinstance(value, str) else value


# Without those that the names of the seed say too.
FACTS = ("id", "event", "title", "text", "page_url", "ping_url", "events", *_FACTS)

BODIES: Mapping[str, Any] = {
    "pulsemon": pulsemon,
    "discord": discord,
    "slack": slack,
    "telegram": telegram_message,
}
