"""Channels: listed, made, read, changed, tested, deleted. Their secrets are never told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import g, jsonify, url_for
from flask.typing import ResponseReturnValue

from sentinelweb.api import answers, channel_values, problems, requests
from sentinelweb.api.answers import (
    ChannelPage,
    ChannelShown,
    DeliveryPage,
    DeliveryShown,
    TestSent,
)
from sentinelweb.api.operations import describe
from sentinelweb.api.requests import ChannelBody, NewChannelBody, PageQuery, RecordQuery
from sentinelweb.blueprints.api_v1 import bp
from sentinelweb.extensions import limiter, settings
from sentinelweb.models import Channel
from sentinelweb.services import channels, delivery_log, keyset
from sentinelweb.services.errors import InvalidInputError

TAG = "Channels"


@bp.get("/channels")
@describe("List channels", TAG, answer=ChannelPage, query=PageQuery, errors=(422,))
def list_channels() -> ResponseReturnValue:
    asked = requests.query(PageQuery)
    page = keyset.owned(g.program, Channel, after=asked.after, limit=asked.limit)
    shown = [answers.channel(channel, g.program) for channel in page.rows]
    return jsonify(answers.listed("channels", shown, page.following))


@bp.post("/channels")
@describe(
    "Create a channel",
    TAG,
    status=201,
    answer=ChannelShown,
    body=NewChannelBody,
    errors=(400, 404, 413, 422),
)
def create_channel() -> ResponseReturnValue:
    said = requests.read(NewChannelBody, requests.json_object())
    values, for_all = channel_values.new(said), said.for_all_monitors
    with _settings_named():
        channel = channels.create(
            g.program, said.kind, values, settings(), for_all_monitors=for_all
        )
    place = url_for("api_v1.show_channel", channel_id=channel.id)
    return jsonify(_shown(channel)), 201, {"Location": place}


@bp.get("/channels/<int:channel_id>")
@describe("Read a channel", TAG, answer=ChannelShown, errors=(404,))
def show_channel(channel_id: int) -> ResponseReturnValue:
    return jsonify(_shown(channels.get(g.program, channel_id)))


@bp.patch("/channels/<int:channel_id>")
@describe(
    "Change a channel",
    TAG,
    answer=ChannelShown,
    body=ChannelBody,
    partial=True,
    errors=(400, 404, 413, 422),
)
def change_channel(channel_id: int) -> ResponseReturnValue:
    """What the body does not name stays as it is, each of the settings too."""
    said, channel = requests.json_object(), channels.get(g.program, channel_id)
    values = channel_values.changed(channel, said)
    with _settings_named():
        channel = channels.edit(g.program, channel_id, values, settings())
    return jsonify(_shown(channel))


@bp.delete("/channels/<int:channel_id>")
@describe("Delete a channel with its deliveries", TAG, status=204, errors=(404,))
def delete_channel(channel_id: int) -> ResponseReturnValue:
    channels.delete(g.program, channel_id)
    return "", 204


@bp.post("/channels/<int:channel_id>/test")
@describe("Send a test message", TAG, status=202, answer=TestSent, errors=(404,))
@limiter.limit("30 per minute")  # each makes the server call somebody else's
def test_channel(channel_id: int) -> ResponseReturnValue:
    """It is on its way; the deliveries tell whether it arrived."""
    return jsonify(delivery_id=channels.send_test(g.program, channel_id)), 202


@bp.get("/channels/<int:channel_id>/deliveries")
@describe(
    "List what was sent to a channel",
    TAG,
    answer=DeliveryPage,
    query=RecordQuery,
    errors=(404, 422),
)
def list_deliveries(channel_id: int) -> ResponseReturnValue:
    asked = requests.query(RecordQuery)
    channel = channels.get(g.program, channel_id)
    page = delivery_log.page(channel, asked.before, asked.limit)
    return jsonify(answers.records("deliveries", DeliveryShown, page.rows, page.following))


@contextmanager
def _settings_named() -> Iterator[None]:
    """A channel's kind knows its settings alone, a request has them in `settings`."""
    try:
        yield
    except InvalidInputError as error:
        raise problems.of_field(f"settings.{error.field}", error.message) from None


def _shown(channel: Channel) -> dict[str, Any]:
    return answers.dumped(answers.channel(channel, g.program))
