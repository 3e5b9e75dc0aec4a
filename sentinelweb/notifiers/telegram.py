"""Telegram, by the Bot API: https://core.telegram.org/bots/api."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from config import Settings
from sentinelweb import outbound
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.notifiers import texts
from sentinelweb.notifiers.base import (
    Field,
    InvalidValueError,
    Message,
    Notifier,
    PermanentError,
    RetryLaterError,
    SendContext,
    TransientError,
)

MAX_TEXT = 4_096  # "1-4096 characters after entities parsing"
UPDATES_BYTES = 1_000_000
# Telegram says how long to wait; this is for the day when it does not.
DEFAULT_WAIT = 30

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
_CHAT_ID = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")


def _check_token(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise InvalidValueError(gettext("A bot token looks like 123456789:AAF…"))
    return value


def _check_chat_id(value: str) -> str:
    if not _CHAT_ID.fullmatch(value):
        raise InvalidValueError(gettext("Enter a number such as -1001234567890, or @channel."))
    return value


class Telegram(Notifier):
    kind = "telegram"
    label = "Telegram"
    icon = "send"
    summary = _("Messages from a bot to a chat, a group or a channel")
    fields = (
        Field(
            "bot_token",
            _("Bot token"),
            help=_("Telegram's @BotFather makes a bot and gives you its token."),
            placeholder="123456789:AAF…",
            secret=True,
            fallback="telegram_bot_token",
            check=_check_token,
        ),
        Field(
            "chat_id",
            _("Chat id"),
            help=_("The number of a chat or group, or the @name of a public channel."),
            placeholder="-1001234567890",
            check=_check_chat_id,
        ),
    )

    def destination(self, settings: Mapping[str, str]) -> str:
        return settings.get("chat_id", "")

    def send(self, message: Message, settings: Mapping[str, str], context: SendContext) -> None:
        token = settings.get("bot_token") or context.settings.telegram_bot_token
        payload = {"chat_id": settings["chat_id"], **content(message)}
        answer = _call(context.settings, token, "sendMessage", payload, uid=message.uid)
        moved_to = answer.parameters.get("migrate_to_chat_id")
        if isinstance(moved_to, int):  # the group has become a supergroup
            payload["chat_id"] = context.changed["chat_id"] = str(moved_to)
            answer = _call(context.settings, token, "sendMessage", payload, uid=message.uid)
        answer.raise_unless_ok()


def content(message: Message) -> dict[str, Any]:
    """Plain text, which needs no escaping, with the ping URL marked as code.

    A ping URL that Telegram previews, or that a thumb touches, would be a ping: the job would count
    as alive. Code is no link, and a touch copies it.
    """
    text = texts.text(message, MAX_TEXT)
    content: dict[str, Any] = {"text": text, "link_preview_options": {"is_disabled": True}}
    if message.event == "down" and message.facts["kind"] == "heartbeat":
        before, url, _after = text.rpartition(message.ping_url)
        if url:
            place = {"offset": texts.length(before), "length": texts.length(url)}
            content["entities"] = [{"type": "code", **place}]
    return content


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that wrote to the bot."""

    id: str
    name: str
    type: str


def recent_chats(settings: Settings, token: str | None) -> list[Chat]:
    """The chats that wrote to the bot within the last day, the latest first.

    Raise a SendError or OutboundError with a sentence for the person who asked. Nothing is
    confirmed to Telegram: what else reads the bot's updates still gets them.
    """
    if token and not _TOKEN.fullmatch(token):
        raise PermanentError(gettext("A bot token looks like 123456789:AAF…"))
    answer = _call(settings, token, "getUpdates", {"limit": 100}, max_body=UPDATES_BYTES)
    if answer.status == HTTPStatus.CONFLICT:
        raise PermanentError(
            gettext("Another program reads this bot's messages, so that its chats are not known.")
        )
    answer.raise_unless_ok()
    chats: dict[str, Chat] = {}
    for found in _chats(answer.result):
        chats.pop(found.id, None)
        chats[found.id] = found
    return list(reversed(chats.values()))


def _chats(updates: Any) -> Iterator[Chat]:
    """The chats of all updates that have one: messages, channel posts, being added to a group."""
    for update in updates if isinstance(updates, list) else []:
        for content in update.values() if isinstance(update, dict) else []:
            chat = content.get("chat") if isinstance(content, dict) else None
            if isinstance(chat, dict) and isinstance(chat.get("id"), int):
                names = (chat.get(key) for key in ("title", "first_name", "last_name"))
                name = " ".join(str(part) for part in names if part)
                yield Chat(str(chat["id"]), name[:100], str(chat.get("type", ""))[:20])


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the Bot API said. `status` is its error code, or HTTP's."""

    ok: bool
    status: int
    description: str
    parameters: dict[str, Any]
    result: Any

    def raise_unless_ok(self) -> None:
        if self.ok:
            return
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = self.parameters.get("retry_after")
            seconds = wait if isinstance(wait, int | float) and wait >= 0 else DEFAULT_WAIT
            raise RetryLaterError(
                seconds, gettext("Telegram asks to wait for %(n)s seconds.", n=f"{seconds:g}")
            )
        if self.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
            raise PermanentError(gettext("Telegram does not know this bot token."))
        if self.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}:
            reason = self.description.rstrip(".") or f"{self.status:d}"
            raise PermanentError(
                gettext("Telegram refuses the message: %(reason)s.", reason=reason)
            )
        raise TransientError(gettext("Telegram answered with status %(n)s.", n=self.status))


def _call(
    settings: Settings,
    token: str | None,
    method: str,
    payload: dict[str, Any],
    *,
    uid: str | None = None,
    max_body: int = outbound.BODY_BYTES,
) -> _Answer:
    if not token:
        raise PermanentError(
            gettext("There is no bot token: enter one in the channel, or set TELEGRAM_BOT_TOKEN.")
        )
    headers = {"Content-Type": "application/json"}
    if uid:
        headers["Idempotency-Key"] = uid
    answer = outbound.request(
        "POST",
        f"{settings.telegram_api_url}/bot{token}/{method}",
        # The operator's own setting, often a Bot API server on the same machine.
        reach=outbound.Reach.ANYWHERE,
        headers=headers,
        body=json.dumps(payload).encode(),
        max_body=max_body,
    )
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TransientError(gettext("Telegram answered with status %(n)s.", n=answer.status))
    parameters = body.get("parameters")
    code = body.get("error_code")
    return _Answer(
        ok=body.get("ok") is True and answer.status < HTTPStatus.MULTIPLE_CHOICES,
        status=code if isinstance(code, int) else answer.status,
        description=str(body.get("description", ""))[:200],
        parameters=parameters if isinstance(parameters, dict) else {},
        result=body.get("result"),
    )
