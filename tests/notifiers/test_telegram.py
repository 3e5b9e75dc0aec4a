"""Telegram's Bot API, played by a local server."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sentinelweb import i18n
from sentinelweb.notifiers.base import (
    InvalidValueError,
    PermanentError,
    RetryLaterError,
    SendContext,
    TransientError,
)
from sentinelweb.notifiers.telegram import MAX_TEXT, Chat, Telegram, recent_chats
from sentinelweb.notifiers.texts import length
from sentinelweb.outbound import OutboundError
from tests.support.messages import (
    make_digest,
    make_host_message,
    make_message,
    make_service_message,
)
from tests.support.receiver import Receiver, Reply

TOKEN = "123456789:AAF-token_of_the_bot"
CHANNEL = {"bot_token": TOKEN, "chat_id": "42"}


def sent(receiver: Receiver) -> dict[str, Any]:
    return receiver.calls[-1].json


def test_services_and_hosts_are_told_as_plain_text_without_a_preview(
    receiver: Receiver, context: SendContext
) -> None:
    for message in (make_service_message(), make_host_message(), make_host_message("relay")):
        Telegram().send(message, CHANNEL, context)
        assert message.page_url in sent(receiver)["text"]
        assert sent(receiver)["link_preview_options"] == {"is_disabled": True}
        assert "entities" not in sent(receiver)


def refusal(code: int, description: str, **parameters: Any) -> Reply:
    body = {"ok": False, "error_code": code, "description": description}
    return Reply.json(body | ({"parameters": parameters} if parameters else {}), code)


def test_the_alert_has_the_layout_and_the_facts_of_the_seed(
    receiver: Receiver, context: SendContext
) -> None:
    with i18n.reading_as(i18n.Reader("en", "America/Sao_Paulo")):
        Telegram().send(make_message(), CHANNEL, context)
    assert receiver.calls[0].path == f"/bot{TOKEN}/sendMessage"
    assert sent(receiver)["chat_id"] == "42"
    assert sent(receiver)["text"].replace("\u202f", " ").splitlines() == [
        "🚨 HEARTBEAT MISSED",
        "",
        "⚠️ Task: Nightly backup",
        "📋 Description: Full backup at 3 o'clock",
        "⏰ Last ping: Jan 7, 2026, 3:00:00 AM -03",
        "🕐 Late by: 2h",
        "⚙️ Expected period: 1d",
        "",
        "💡 Action: Check that the cron job or script is running properly!",
        "🔗 Ping URL: https://sentinelweb.example.com/ping/a1b2c3d4",
    ]


def test_the_ping_url_is_code_and_never_previewed(receiver: Receiver, context: SendContext) -> None:
    """A preview or a careless touch would be a ping."""
    Telegram().send(make_message(name="🚨 𝔅ackup"), CHANNEL, context)
    payload = sent(receiver)
    assert payload["link_preview_options"] == {"is_disabled": True}
    (entity,) = payload["entities"]
    utf16 = payload["text"].encode("utf-16-le")
    marked = utf16[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])]
    assert entity["type"] == "code"
    assert marked.decode("utf-16-le") == "https://sentinelweb.example.com/ping/a1b2c3d4"


def test_a_recovery_says_how_long_it_was_down(receiver: Receiver, context: SendContext) -> None:
    Telegram().send(make_message("up"), CHANNEL, context)
    text = sent(receiver)["text"]
    assert text.startswith("✅ HEARTBEAT RECOVERED\n\n⚠️ Task: Nightly backup\n")
    assert "🕐 Was down for: 2h 5m" in text


@pytest.mark.parametrize(
    ("note", "title", "reason"),
    [
        ("failed", "JOB FAILED", "the job reported a failure"),
        ("exit 3", "JOB FAILED", "the job ended with exit status 3"),
        ("unfinished", "JOB NOT FINISHED", "a run did not end within the grace"),
    ],
)
def test_a_job_that_failed_is_not_said_to_be_late(
    receiver: Receiver, context: SendContext, note: str, title: str, reason: str
) -> None:
    Telegram().send(make_message(note=note, late_by=-500), CHANNEL, context)
    text = sent(receiver)["text"]
    assert text.startswith(f"🚨 {title}\n")
    assert f"\n❗ Reason: {reason}\n" in text
    assert "Late by" not in text


def test_a_cron_expression_stands_for_the_period(receiver: Receiver, context: SendContext) -> None:
    message = make_message(cron_expression="0 3 * * *", cron_timezone="America/Sao_Paulo")
    Telegram().send(message, CHANNEL, context)
    assert "⚙️ Expected period: 0 3 * * * (America/Sao_Paulo)\n" in sent(receiver)["text"]


def test_a_name_is_no_markup(receiver: Receiver, context: SendContext) -> None:
    Telegram().send(make_message(name="<b>&amp; *x* _y_ [z](http://a)"), CHANNEL, context)
    assert "⚠️ Task: <b>&amp; *x* _y_ [z](http://a)\n" in sent(receiver)["text"]
    assert "parse_mode" not in sent(receiver)


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_long_description_is_shortened_to_telegrams_limit(
    receiver: Receiver, context: SendContext, letter: str
) -> None:
    Telegram().send(make_message(description=letter * 9_000), CHANNEL, context)
    text = sent(receiver)["text"]
    assert MAX_TEXT - 2 <= length(text) <= MAX_TEXT
    assert f"{letter}…\n⏰ Last ping" in text
    assert text.endswith("/ping/a1b2c3d4")


def test_a_long_digest_says_how_many_it_leaves_out(
    receiver: Receiver, context: SendContext
) -> None:
    parts = [make_message(name=f"Job {number}") for number in range(400)]
    Telegram().send(make_digest(*parts), CHANNEL, context)
    text = sent(receiver)["text"]
    assert length(text) <= MAX_TEXT
    listed = sum(line.startswith("🚨 Job") for line in text.splitlines())
    assert text.startswith("📦 400 ALERTS AT ONCE\n\n🚨 Job 0: down")
    assert text.endswith(f"… and {400 - listed} more")


def test_the_servers_own_bot_serves_channels_without_a_token(
    receiver: Receiver, context: SendContext
) -> None:
    context.settings = context.settings.model_copy(update={"telegram_bot_token": "9:own"})
    Telegram().send(make_message(), {"chat_id": "42"}, context)
    assert receiver.calls[0].path == "/bot9:own/sendMessage"


def test_without_any_token_it_says_so(context: SendContext) -> None:
    with pytest.raises(PermanentError, match="TELEGRAM_BOT_TOKEN"):
        Telegram().send(make_message(), {"chat_id": "42"}, context)


def test_retry_after_is_honoured(receiver: Receiver, context: SendContext) -> None:
    receiver.answer_with(refusal(429, "Too Many Requests: retry after 35", retry_after=35))
    with pytest.raises(RetryLaterError) as caught:
        Telegram().send(make_message(), CHANNEL, context)
    assert caught.value.seconds == 35


@pytest.mark.parametrize(
    ("code", "description"),
    [
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: bot was kicked from the supergroup chat"),
        (400, "Bad Request: chat not found"),
    ],
)
def test_a_chat_that_will_never_accept_is_a_permanent_refusal(
    receiver: Receiver, context: SendContext, code: int, description: str
) -> None:
    receiver.answer_with(refusal(code, description))
    with pytest.raises(PermanentError, match=description):
        Telegram().send(make_message(), CHANNEL, context)


@pytest.mark.parametrize("code", [401, 404])
def test_a_wrong_token_is_a_permanent_refusal(
    receiver: Receiver, context: SendContext, code: int
) -> None:
    receiver.answer_with(refusal(code, "Unauthorized"))
    with pytest.raises(PermanentError, match="does not know this bot token"):
        Telegram().send(make_message(), CHANNEL, context)


@pytest.mark.parametrize("reply", [Reply(502, body=b"Bad gateway"), refusal(500, "Internal")])
def test_trouble_at_telegram_is_transient(
    receiver: Receiver, context: SendContext, reply: Reply
) -> None:
    receiver.answer_with(reply)
    with pytest.raises(TransientError, match=r"status 50"):
        Telegram().send(make_message(), CHANNEL, context)


def test_a_group_that_became_a_supergroup_is_followed(
    receiver: Receiver, context: SendContext
) -> None:
    receiver.answer_with(
        refusal(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1001)
    )
    Telegram().send(make_message(), CHANNEL, context)
    assert [call.json["chat_id"] for call in receiver.calls] == ["42", "-1001"]
    assert context.changed == {"chat_id": "-1001"}


def test_the_token_reaches_neither_a_log_nor_an_error(
    receiver: Receiver, context: SendContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answer_with(Reply(close_after=5))
    with pytest.raises(OutboundError) as caught:
        Telegram().send(make_message(), CHANNEL, context)
    assert TOKEN not in f"{caught.value!r}{caplog.text}"


@pytest.mark.parametrize("value", ["42", "-1001234567890", "@alerts_of_ours"])
def test_a_chat_id_is_a_number_or_a_name(context: SendContext, value: str) -> None:
    field = next(field for field in Telegram.fields if field.name == "chat_id")
    assert field.clean(f" {value} ", context.settings) == value


@pytest.mark.parametrize("value", ["", "me", "@", "4 2", "+5511", "1e5", "٤٢", "@ab/cd"])
def test_anything_else_is_no_chat_id(context: SendContext, value: str) -> None:
    field = next(field for field in Telegram.fields if field.name == "chat_id")
    with pytest.raises(InvalidValueError):
        field.clean(value, context.settings)


@pytest.mark.parametrize("value", ["abc", "1:../../getMe", "1:a b", "1:a?x", ":abc"])
def test_a_token_cannot_change_the_path_of_the_call(context: SendContext, value: str) -> None:
    field = next(field for field in Telegram.fields if field.name == "bot_token")
    with pytest.raises(InvalidValueError):
        field.clean(value, context.settings)


class TestFindingTheChatId:
    def test_the_chats_that_wrote_are_listed_the_latest_first(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        private = {"id": 42, "first_name": "Night", "last_name": "Shift", "type": "private"}
        group = {"id": -100, "title": "Operations", "type": "group"}
        updates = [
            {"update_id": 1, "message": {"message_id": 1, "chat": private}},
            {"update_id": 2, "my_chat_member": {"chat": group}},
            {"update_id": 3, "poll": {"id": "1"}},
            {"update_id": 4, "edited_message": {"message_id": 1, "chat": private}},
        ]
        receiver.answer_with(Reply.json({"ok": True, "result": updates}))
        assert recent_chats(context.settings, TOKEN) == [
            Chat("42", "Night Shift", "private"),
            Chat("-100", "Operations", "group"),
        ]
        assert receiver.calls[0].path == f"/bot{TOKEN}/getUpdates"
        assert "offset" not in receiver.calls[0].json, "updates must not be confirmed"

    def test_more_updates_than_an_ordinary_answer_holds_are_read(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        updates = [
            {"message": {"chat": {"id": number, "title": "x" * 90}, "text": "y" * 4_000}}
            for number in range(100)
        ]
        receiver.answer_with(Reply.json({"ok": True, "result": updates}))
        assert len(recent_chats(context.settings, TOKEN)) == 100

    def test_a_bot_with_a_webhook_is_explained(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        receiver.answer_with(refusal(409, "Conflict: can't use getUpdates while webhook is active"))
        with pytest.raises(PermanentError, match="Another program reads"):
            recent_chats(context.settings, TOKEN)

    def test_a_wrong_token_is_explained(self, receiver: Receiver, context: SendContext) -> None:
        receiver.answer_with(refusal(401, "Unauthorized"))
        with pytest.raises(PermanentError, match="does not know this bot token"):
            recent_chats(context.settings, TOKEN)
        with pytest.raises(PermanentError, match="looks like"):
            recent_chats(context.settings, "1/../2")

    @pytest.mark.parametrize("result", [None, {}, [1], [{"message": 3}], [{"m": {"chat": {}}}]])
    def test_nonsense_is_no_chat(
        self, receiver: Receiver, context: SendContext, result: object
    ) -> None:
        receiver.answer_with(Reply.json({"ok": True, "result": result}))
        assert recent_chats(context.settings, TOKEN) == []
