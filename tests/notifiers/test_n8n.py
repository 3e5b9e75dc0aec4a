"""n8n's webhook node, played by a local server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinelweb import i18n
from sentinelweb.notifiers.base import PermanentError, SendContext, TransientError
from sentinelweb.notifiers.n8n import N8N
from tests.support.messages import UID, make_service_message
from tests.support.receiver import Receiver, Reply


def channel(receiver: Receiver) -> dict[str, str]:
    return {"url": f"{receiver.url}/webhook/alerts"}


def with_setting(context: SendContext, url: str) -> SendContext:
    return replace(context, settings=context.settings.model_copy(update={"n8n_webhook_url": url}))


def test_a_title_and_a_text_are_posted(receiver: Receiver, context: SendContext) -> None:
    N8N().send(make_service_message(), channel(receiver), context)

    (call,) = receiver.calls
    assert (call.method, call.path) == ("POST", "/webhook/alerts")
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["Idempotency-Key"] == UID
    assert set(call.json) == {"title", "message"}
    assert call.json["title"] == "🚨 SERVICE DOWN"
    assert call.json["message"].startswith("⚠️ Service: Shop\n")
    assert "❗ Reason: HTTP 500" in call.json["message"]


def test_times_are_those_of_the_reader(receiver: Receiver, context: SendContext) -> None:
    with i18n.reading_as(i18n.Reader("en", "America/Lima")):
        N8N().send(make_service_message(), channel(receiver), context)

    assert "3:00:00\u202fAM -05" in receiver.calls[0].json["message"]


def test_without_an_address_it_goes_to_the_server_s_own_even_where_private_ones_are_denied(
    receiver: Receiver, context: SendContext
) -> None:
    closed = with_setting(context, f"{receiver.url}/environment")
    closed.settings = closed.settings.model_copy(update={"private_targets": "deny"})

    N8N().send(make_service_message(), {"url": ""}, closed)

    assert receiver.calls[0].path == "/environment"


def test_an_address_of_its_own_comes_first(receiver: Receiver, context: SendContext) -> None:
    N8N().send(make_service_message(), channel(receiver), with_setting(context, receiver.url))

    assert receiver.calls[0].path == "/webhook/alerts"


def test_without_any_address_it_says_so(context: SendContext) -> None:
    with pytest.raises(PermanentError, match="N8N_WEBHOOK_URL"):
        N8N().send(make_service_message(), {}, context)


def test_a_workflow_that_is_not_active_is_tried_again(
    receiver: Receiver, context: SendContext
) -> None:
    receiver.answer_with(Reply(404, body=b'{"message": "not registered"}'))

    with pytest.raises(TransientError, match="404"):
        N8N().send(make_service_message(), channel(receiver), context)
