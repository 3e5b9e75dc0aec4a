"""What every channel kind keeps, whichever file it is in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinelweb import i18n, notifiers
from sentinelweb.notifiers.base import (
    InvalidValueError,
    Message,
    Notifier,
    PermanentError,
    SendContext,
    SendError,
)
from sentinelweb.outbound import OutboundError
from tests.support.messages import EVERY_EVENT, make_message, message_id
from tests.support.receiver import Receiver, Reply

SECRET = "S3cret-" * 3
SETTINGS = {
    "n8n": {"url": "{receiver}/webhook/" + SECRET},
    "telegram": {"bot_token": f"123456:{SECRET}", "chat_id": "-1001234567890"},
    "webhook": {
        "url": "{receiver}/hook",
        "method": "POST",
        "template": "json",
        "body": "",
        "headers": "",
        "secret": SECRET,
    },
}
KINDS = sorted(notifiers.registered())


@pytest.fixture(params=KINDS)
def notifier(request: pytest.FixtureRequest) -> Notifier:
    return notifiers.registered()[request.param]


@pytest.fixture
def channel(notifier: Notifier, receiver: Receiver) -> dict[str, str]:
    """Settings that work, for each kind: a new kind needs a line in SETTINGS."""
    values = SETTINGS[notifier.kind]
    return {name: value.replace("{receiver}", receiver.url) for name, value in values.items()}


def test_the_kinds_are_registered() -> None:
    assert {"n8n", "telegram", "webhook"} <= set(KINDS)


def test_a_kind_declares_what_forms_and_documentation_need(notifier: Notifier) -> None:
    assert notifier.kind.isidentifier()
    assert len(notifier.kind) <= 30
    assert notifier.label
    assert notifier.icon
    assert str(notifier.summary)
    names = [field.name for field in notifier.fields]
    assert len(set(names)) == len(names)
    assert not {"name", "locale", "timezone", "csrf_token"} & set(names)
    for field in notifier.fields:
        assert str(field.label)
        assert bool(field.choices) == (field.kind == "choice")
        assert len(field.labels) in {0, len(field.choices)}
        assert not field.default or field.clean(field.default, None) == field.default


def test_settings_that_work_pass_the_validation(
    notifier: Notifier, channel: dict[str, str], context: SendContext
) -> None:
    for field in notifier.fields:
        assert field.clean(channel[field.name], context.settings) == channel[field.name]


@pytest.mark.parametrize("value", ["a\0b", "\x1b[31m", "x" * 100_000])
def test_no_field_takes_control_characters_or_a_huge_value(
    notifier: Notifier, context: SendContext, value: str
) -> None:
    for field in notifier.fields:
        with pytest.raises(InvalidValueError):
            field.clean(value, context.settings)


def test_a_required_field_says_so_when_it_is_empty(
    notifier: Notifier, context: SendContext
) -> None:
    for field in notifier.fields:
        if field.needs_value(context.settings):
            with pytest.raises(InvalidValueError, match="required"):
                field.clean(" ", context.settings)
        else:
            assert field.clean(" ", context.settings) == ""


@pytest.mark.parametrize("message", EVERY_EVENT, ids=message_id)
@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_event_is_sent_in_every_language(
    notifier: Notifier,
    channel: dict[str, str],
    context: SendContext,
    receiver: Receiver,
    message: Message,
    locale: str,
) -> None:
    with i18n.reading_as(i18n.Reader(locale, "America/Sao_Paulo")):
        notifier.send(message, channel, context)
    assert len(receiver.calls) == 1


def test_a_repeat_bears_the_same_id(
    notifier: Notifier, channel: dict[str, str], context: SendContext, receiver: Receiver
) -> None:
    message = make_message()
    for _ in range(2):
        notifier.send(message, channel, context)
    ids = {call.headers["Idempotency-Key"] for call in receiver.calls}
    assert ids == {message.uid}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(403),
        Reply(404, body=b"<h1>Not found</h1>"),
        Reply(429, {"Retry-After": "soon"}, b""),
        Reply(close_after=9),
        Reply(302, {"Location": "http://example.com/"}, b""),
    ],
    ids=["500", "403", "404", "429", "cut", "302"],
)
def test_a_refusal_is_a_sentence_without_secrets(
    notifier: Notifier,
    channel: dict[str, str],
    context: SendContext,
    receiver: Receiver,
    reply: Reply,
) -> None:
    receiver.answer_with(reply)
    with pytest.raises((SendError, OutboundError)) as caught:
        notifier.send(make_message(), channel, context)
    assert str(caught.value).endswith(".")
    assert SECRET not in str(caught.value)


def test_the_destination_shows_no_secret(
    notifier: Notifier, channel: dict[str, str], receiver: Receiver
) -> None:
    destination = notifier.destination(channel)
    assert destination
    assert SECRET not in destination
    assert notifier.destination({}) == ""


def test_a_message_without_a_description_is_sent(
    notifier: Notifier, channel: dict[str, str], context: SendContext, receiver: Receiver
) -> None:
    notifier.send(make_message(description=""), channel, context)
    notifier.send(make_message(description="x" * 100_000), channel, context)
    assert len(receiver.calls) == 2


def test_an_answer_of_nonsense_is_survived(
    notifier: Notifier, channel: dict[str, str], context: SendContext, receiver: Receiver
) -> None:
    for body in (b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"ok": false, "parameters": 3}'):
        receiver.answer_with(Reply(400, body=body))
        with pytest.raises((SendError, OutboundError)):
            notifier.send(make_message(), channel, context)


@pytest.mark.parametrize(
    "notifier",
    [kind for kind in KINDS if any(f.kind == "url" for f in notifiers.registered()[kind].fields)],
    indirect=True,
)
def test_an_address_that_a_user_typed_reaches_no_private_receiver_where_that_is_denied(
    notifier: Notifier, channel: dict[str, str], context: SendContext, receiver: Receiver
) -> None:
    closed = context.settings.model_copy(update={"private_targets": "deny"})
    with pytest.raises(OutboundError, match="not allowed"):
        notifier.send(make_message(), channel, replace(context, settings=closed))
    assert receiver.calls == []


def test_permanent_refusals_are_told_from_passing_ones() -> None:
    assert not issubclass(OutboundError, PermanentError)
