"""Channels: listed, made, read, deleted. Their secrets are never told."""

from __future__ import annotations

from typing import Any

from flask import g, jsonify, url_for
from flask.typing import ResponseReturnValue

from sentinelweb import notifiers
from sentinelweb.api import answers, problems, requests
from sentinelweb.api.answers import ChannelList, ChannelShown
from sentinelweb.api.operations import describe
from sentinelweb.api.requests import ChannelBody
from sentinelweb.blueprints.api_v1 import bp
from sentinelweb.extensions import settings
from sentinelweb.models import Channel
from sentinelweb.services import channels
from sentinelweb.services.channels import ChannelValues

TAG = "Channels"


@bp.get("/channels")
@describe("List channels", TAG, answer=ChannelList)
def list_channels() -> ResponseReturnValue:
    found = [_shown(summary.channel) for summary in channels.summaries(g.program)]
    return jsonify(channels=found)


@bp.post("/channels")
@describe(
    "Create a channel",
    TAG,
    status=201,
    answer=ChannelShown,
    body=ChannelBody,
    errors=(400, 404, 413, 422),
)
def create_channel() -> ResponseReturnValue:
    said = requests.read(ChannelBody, requests.json_object())
    known = notifiers.registered().get(said.kind)
    if known is None:
        raise problems.of_field("kind", f"Choose one of: {', '.join(notifiers.registered())}.")
    if not said.settings.keys() <= {field.name for field in known.fields}:
        raise problems.of_field("settings", "There is no setting of this name.")
    defaults = {field.name: field.default for field in known.fields}
    channel = channels.create(
        g.program,
        said.kind,
        ChannelValues(said.name, defaults | said.settings),
        settings(),
        for_all_monitors=said.for_all_monitors,
    )
    place = url_for("api_v1.show_channel", channel_id=channel.id)
    return jsonify(_shown(channel)), 201, {"Location": place}


@bp.get("/channels/<int:channel_id>")
@describe("Read a channel", TAG, answer=ChannelShown, errors=(404,))
def show_channel(channel_id: int) -> ResponseReturnValue:
    return jsonify(_shown(channels.get(g.program, channel_id)))


@bp.delete("/channels/<int:channel_id>")
@describe("Delete a channel with its deliveries", TAG, status=204, errors=(404,))
def delete_channel(channel_id: int) -> ResponseReturnValue:
    channels.delete(g.program, channel_id)
    return "", 204


def _shown(channel: Channel) -> dict[str, Any]:
    return answers.dumped(answers.channel(channel, g.program))
