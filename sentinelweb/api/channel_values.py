"""From what a program says of a channel to what the services take, and back for changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinelweb import notifiers
from sentinelweb.api import problems, requests
from sentinelweb.api.requests import ChannelBody, NewChannelBody
from sentinelweb.models import Channel
from sentinelweb.services import channels
from sentinelweb.services.channels import ChannelValues

_SHARED = ("name", "locale", "timezone")


def new(body: NewChannelBody) -> ChannelValues:
    """Raise ProblemError for a kind that there is not, and for settings that it does not have."""
    known = notifiers.registered().get(body.kind)
    if known is None:
        raise problems.of_field("kind", f"Choose one of: {', '.join(notifiers.registered())}.")
    return _values(body, {field.name: field.default for field in known.fields})


def changed(stored: Channel, said: Mapping[str, Any]) -> ChannelValues:
    """What is not said stays as it is. Raise ProblemError for settings that its kind lacks."""
    present = {name: getattr(stored, name) for name in _SHARED}
    body = requests.read(ChannelBody, present | dict(said))
    known = channels.notifier(stored.kind)
    texts = {
        field.name: channels.shown(field, stored.settings.get(field.name, field.default))
        for field in known.fields
    }
    return _values(body, texts)


def _values(body: ChannelBody, texts: Mapping[str, str]) -> ChannelValues:
    if not body.settings.keys() <= texts.keys():
        raise problems.of_field("settings", "There is no setting of this name.")
    return ChannelValues(
        body.name,
        {**texts, **{name: text or "" for name, text in body.settings.items()}},
        locale=body.locale,
        timezone=body.timezone,
        removed=frozenset(name for name, text in body.settings.items() if text is None),
    )
