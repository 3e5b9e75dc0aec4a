"""What is told of the relay: the codes of HEARTBEAT_URL's answers, as seeds 002 and 004 mean them.

`code` is None when nothing answered: a time limit, the network, the name.
"""

from __future__ import annotations

from sentinelweb.i18n import gettext as _
from sentinelweb.notifiers import host_texts, phrases
from sentinelweb.notifiers.base import Message


def relay(message: Message, description: str) -> str:
    facts = message.facts
    code = facts.get("code")
    title, meaning = _meaning(code)
    return phrases.lines(
        title,
        "",
        host_texts.subject(message),
        phrases.described(description),
        "🔢 "
        + _(
            "Code: %(code)s, before: %(previous)s",
            code=code_word(code),
            previous=code_word(facts.get("previous_code")),
        ),
        f"💬 {meaning}",
        phrases.happened_at(message),
        phrases.details(message),
    )


def code_word(code: int | None) -> str:
    """`220`, or a word for no answer."""
    return _("no answer") if code is None else str(code)


def _meaning(code: int | None) -> tuple[str, str]:
    """The title of an alert, and what the code says."""
    match code:
        case 200:
            return "✅ " + _("RELAY WORKS"), _("Reports are received and processed.")
        case 220:
            return "⚠️ " + _("RELAY BLIND"), _(
                "Reports are received, but the receiver does not know the state before: it cannot "
                "tell whether something recovered."
            )
        case 221:
            return "⚠️ " + _("RELAY: RECOVERY NOT STORED"), _(
                "The receiver saw a recovery, but could not store its own state or tell of it."
            )
        case 500:
            return "🚨 " + _("RELAY FAILS"), _(
                "The receiver could not do what is essential: reports are lost."
            )
        case None:
            return "🚨 " + _("RELAY NOT REACHED"), _(
                "The receiver did not answer: a time limit, the network or the name."
            )
        case _:
            return "🚨 " + _("RELAY REFUSED"), _(
                "The receiver answered with a code that means nothing here. Check HEARTBEAT_URL "
                "and HEARTBEAT_SECRET_KEY."
            )
