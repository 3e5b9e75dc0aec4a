"""What a person makes by the forms of a running SentinelWeb."""

from __future__ import annotations

import re

from tests.support.receiver import Receiver
from tests.support.visitor import Visitor


def add_webhook(visitor: Visitor, receiver: Receiver) -> int:
    """Return the channel's id."""
    return _add_channel(visitor, "webhook", name="Webhook", url=f"{receiver.url}/hook")


def add_telegram(visitor: Visitor) -> int:
    token = "123456789:AAF-abc"
    return _add_channel(visitor, "telegram", name="Telegram", bot_token=token, chat_id="42")


def _add_channel(visitor: Visitor, kind: str, **values: str) -> int:
    visitor.get(f"/channels/add/{kind}")
    visitor.submit("channel-form", values)
    channel_id = visitor.location.removeprefix("/channels/")
    assert channel_id.isdigit(), visitor.text("main")
    return int(channel_id)


def add_heartbeat(visitor: Visitor, **values: object) -> str:
    """Make a heartbeat that alerts every channel, unless told which. Return its ping URL."""
    visitor.get("/heartbeats/add")
    visitor.submit("heartbeat-form", {"name": "Nightly backup", **values})
    assert visitor.location.removeprefix("/heartbeats/").isdigit(), visitor.text("main")
    found = re.search(rf"{visitor.site}/ping/[\w-]{{22}}\b", visitor.text("main"))
    assert found, "the page does not show the ping URL"
    return found[0]


def status(visitor: Visitor) -> str:
    """The status that the page of a heartbeat shows, where the visitor is."""
    visitor.get(visitor.location)
    assert visitor.page is not None
    [card] = visitor.page.query("#status")
    shown: str = card.attrs["data-status"]
    assert visitor.text("#status .badge").lower() == shown
    return shown


def became(visitor: Visitor) -> list[str]:
    """What it has become, one status after the other, as the timeline of its page tells."""
    visitor.get(f"{visitor.location.partition('?')[0]}?show=changes")
    assert visitor.page is not None
    marks = [mark.attrs["class"].split() for mark in visitor.page.query(".timeline-mark-status")]
    return [mark[-1].removeprefix("status-") for mark in reversed(marks)]
