"""Webhooks against a local server."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from sentinelweb import clock
from sentinelweb.notifiers.base import (
    InvalidValueError,
    Message,
    PermanentError,
    RetryLaterError,
    SendContext,
    TransientError,
    parse_headers,
)
from sentinelweb.notifiers.webhook import Webhook
from tests.support.messages import (
    FACTS,
    UID,
    make_digest,
    make_host_message,
    make_message,
    make_service_message,
)
from tests.support.receiver import Receiver, Reply


def channel(receiver: Receiver, **values: str) -> dict[str, str]:
    return {"url": f"{receiver.url}/hook?key=1", "method": "POST", "headers": "", **values}


def test_the_body_holds_the_facts(receiver: Receiver, context: SendContext) -> None:
    Webhook().send(make_message(), channel(receiver), context)
    (call,) = receiver.calls
    body = call.json
    assert (call.method, call.path) == ("POST", "/hook?key=1")
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["Idempotency-Key"] == UID
    assert body.pop("text").startswith("🚨 HEARTBEAT MISSED")
    assert body == {
        "id": UID,
        "event": "down",
        "status": "down",
        "previous": "late",
        "occurred_at": "2026-01-08T08:00:00+00:00",
        "monitor": {
            "id": 7,
            "name": "Nightly backup",
            "slug": "a1b2c3d4",
            "kind": "heartbeat",
            "description": "Full backup at 3 o'clock",
        },
        "note": "missed",
        "last_ping": "2026-01-07T06:00:00+00:00",
        "expected_period": 86_400,
        "grace_period": 3_600,
        "late_by": 7_200,
        "down_for": None,
        "ping_url": "https://sentinelweb.example.com/ping/a1b2c3d4",
        "page_url": "https://sentinelweb.example.com/heartbeats/7",
    }


def test_the_body_of_a_service_holds_what_was_found(
    receiver: Receiver, context: SendContext
) -> None:
    Webhook().send(make_service_message(), channel(receiver), context)
    body = receiver.calls[0].json
    assert body.pop("text").startswith("🚨 SERVICE DOWN")
    assert body == {
        "id": UID,
        "event": "down",
        "status": "down",
        "previous": "up",
        "occurred_at": "2026-01-08T08:00:00+00:00",
        "monitor": {
            "id": 8,
            "name": "Shop",
            "slug": "b2c3d4e5",
            "kind": "service",
            "description": "What customers see",
        },
        "note": "HTTP 500",
        "target": "https://shop.example.com/health",
        "result": "error",
        "reason": "HTTP 500",
        "latency_ms": 12.5,
        "status_code": 500,
        "failures": 4,
        "down_for": None,
        "page_url": "https://sentinelweb.example.com/services/8",
    }


def test_the_body_of_a_host_says_how_long_it_is_silent(
    receiver: Receiver, context: SendContext
) -> None:
    Webhook().send(make_host_message(), channel(receiver), context)
    body = receiver.calls[0].json
    assert body["monitor"]["kind"] == "host"
    assert body["note"] == "silent"
    assert body["last_report"] == "2026-01-08T07:58:00+00:00"
    assert body["silent_for"] == 120
    assert body["page_url"] == "https://sentinelweb.example.com/hosts/9"
    assert "ping_url" not in body


def test_the_body_of_the_relay_holds_both_codes(receiver: Receiver, context: SendContext) -> None:
    Webhook().send(make_host_message("relay", code=None), channel(receiver), context)
    body = receiver.calls[0].json
    assert body["event"] == "relay"
    assert (body["previous_code"], body["code"]) == (200, None)
    assert body["monitor"]["name"] == "web-1"
    assert "status" not in body


@pytest.mark.parametrize(
    "message", [make_service_message(), make_host_message(), make_host_message("relay")]
)
def test_get_sends_the_facts_of_every_kind(
    receiver: Receiver, context: SendContext, message: Message
) -> None:
    Webhook().send(message, channel(receiver, method="GET"), context)
    query = parse_qs(receiver.calls[0].query)
    assert query["monitor_name"] == [message.facts["name"]]
    assert query["page_url"] == [message.page_url]


def test_a_digest_holds_each_alert(receiver: Receiver, context: SendContext) -> None:
    parts = [make_message("down", name="A"), make_message("up", name="B")]
    Webhook().send(make_digest(*parts), channel(receiver), context)
    body = receiver.calls[0].json
    assert body["event"] == "digest"
    assert [(event["event"], event["monitor"]["name"]) for event in body["events"]] == [
        ("down", "A"),
        ("up", "B"),
    ]


def test_put_sends_the_same_body(receiver: Receiver, context: SendContext) -> None:
    Webhook().send(make_message(), channel(receiver, method="PUT"), context)
    assert receiver.calls[0].method == "PUT"
    assert receiver.calls[0].json["event"] == "down"


def test_get_sends_the_facts_in_the_url(receiver: Receiver, context: SendContext) -> None:
    message = make_message(name="Backup & co", description="x" * 9_000)
    Webhook().send(message, channel(receiver, method="GET"), context)
    (call,) = receiver.calls
    query = parse_qs(call.query)
    assert call.body == b""
    assert query["key"] == ["1"]
    assert query["event"] == ["down"]
    assert query["monitor_name"] == ["Backup & co"]
    assert query["late_by"] == ["7200"]
    assert "down_for" not in query
    assert len(call.path) < 8_000


def test_headers_of_ones_own_are_sent(receiver: Receiver, context: SendContext) -> None:
    headers = "Authorization: Bearer abc:def\nContent-Type: application/vnd.ours+json\n"
    Webhook().send(make_message(), channel(receiver, headers=headers), context)
    sent = receiver.calls[0].headers
    assert sent["Authorization"] == "Bearer abc:def"
    assert sent["Content-Type"] == "application/vnd.ours+json"


def test_the_id_and_the_signature_cannot_be_replaced(
    receiver: Receiver, context: SendContext
) -> None:
    headers = "idempotency-key: mine\nx-sentinelweb-signature: mine"
    Webhook().send(make_message(), channel(receiver, headers=headers, secret="s"), context)
    sent = receiver.calls[0].headers
    assert sent["Idempotency-Key"] == UID
    assert sent["X-SentinelWeb-Signature"] != "mine"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_signature_covers_the_time_and_what_was_sent(
    receiver: Receiver, context: SendContext, method: str
) -> None:
    Webhook().send(make_message(), channel(receiver, secret="s3cret", method=method), context)
    (call,) = receiver.calls
    parts = dict(part.split("=") for part in call.headers["X-SentinelWeb-Signature"].split(","))
    signed = call.body if method == "POST" else call.query.encode()
    expected = hmac.new(b"s3cret", parts["t"].encode() + b"." + signed, hashlib.sha256)
    assert parts["v1"] == expected.hexdigest()
    assert abs(int(parts["t"]) - datetime.now(UTC).timestamp()) < 5


def test_nothing_is_signed_without_a_secret(receiver: Receiver, context: SendContext) -> None:
    Webhook().send(make_message(), channel(receiver), context)
    assert not any("signature" in name.lower() for name in receiver.calls[0].headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(receiver: Receiver, context: SendContext, status: int) -> None:
    receiver.answer_with(Reply(status, body=b""))
    Webhook().send(make_message(), channel(receiver), context)


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 422, 429, 500, 503, 504])
def test_every_other_status_is_tried_again(
    receiver: Receiver, context: SendContext, status: int
) -> None:
    receiver.answer_with(Reply(status))
    with pytest.raises(TransientError, match=str(status)):
        Webhook().send(make_message(), channel(receiver), context)


def test_a_receiver_that_is_gone_is_gone_for_good(receiver: Receiver, context: SendContext) -> None:
    receiver.answer_with(Reply(410))
    with pytest.raises(PermanentError, match="gone for good"):
        Webhook().send(make_message(), channel(receiver), context)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(
    receiver: Receiver,
    context: SendContext,
    status: int,
    as_date: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    value = format_datetime(now + timedelta(seconds=90), usegmt=True) if as_date else "90"
    receiver.answer_with(Reply(status, {"Retry-After": value}))
    with pytest.raises(RetryLaterError) as caught:
        Webhook().send(make_message(), channel(receiver), context)
    assert caught.value.seconds == 90


@pytest.mark.parametrize("value", ["-5", "1e9", "9" * 30, "٣", "Wed, 99 Foo 2026 00:00:00 GMT"])
def test_a_retry_after_of_nonsense_is_an_ordinary_failure(
    receiver: Receiver, context: SendContext, value: str
) -> None:
    receiver.answer_with(Reply(503, {"Retry-After": value.encode().decode("latin-1")}))
    with pytest.raises(TransientError):
        Webhook().send(make_message(), channel(receiver), context)


def test_a_2xx_whose_body_is_cut_is_success(receiver: Receiver, context: SendContext) -> None:
    receiver.answer_with(Reply(200, body=b"x" * 1_000, close_after=200))
    Webhook().send(make_message(), channel(receiver), context)


def test_a_name_in_any_script_arrives_as_it_is(receiver: Receiver, context: SendContext) -> None:
    name = "Sauvegarde 夜 😀 \"'<&"
    Webhook().send(make_message(name=name), channel(receiver), context)
    assert receiver.calls[0].json["monitor"]["name"] == name


class TestHeaderLines:
    def test_each_line_is_a_header(self) -> None:
        assert parse_headers(" A: 1\r\n\r\nB:x: y \n") == {"A": "1", "B": "x: y"}

    @pytest.mark.parametrize(
        "text",
        ["no colon", ": x", "A B: x", "Host: x", "content-length: 3", "A: é", "A: \0", "A: a\x7fb"],
    )
    def test_what_would_break_the_call_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidValueError):
            parse_headers(text)


@pytest.mark.parametrize(
    "value",
    ["hooks", "ftp://x/", "javascript:alert(1)", "http://", "http://[::1", "http://a b/", "//x"],
)
def test_what_is_no_url_is_refused(context: SendContext, value: str) -> None:
    with pytest.raises(InvalidValueError, match="https://"):
        Webhook.fields[0].clean(value, context.settings)


def test_the_destination_is_the_host_alone() -> None:
    settings = {"url": "https://me:pw@hooks.example.com:8443/T0/SECRET?token=x"}
    assert Webhook().destination(settings) == "hooks.example.com"


def test_facts_without_details_are_sent_as_null(receiver: Receiver, context: SendContext) -> None:
    message = make_message(last_ping=None, late_by=None)
    Webhook().send(message, channel(receiver), context)
    assert receiver.calls[0].json["last_ping"] is None
    assert FACTS["last_ping"] is not None
