"""n8n: a title and a text, for a workflow that begins with a webhook (seed 004)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from sentinelweb import outbound
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.notifiers import texts
from sentinelweb.notifiers.answers import raise_unless_accepted
from sentinelweb.notifiers.base import Field, Message, Notifier, PermanentError, SendContext


class N8N(Notifier):
    kind = "n8n"
    label = "N8N"
    icon = "workflow"
    summary = _("A title and a text as JSON, to a workflow of n8n")
    fields = (
        Field(
            "url",
            _("URL"),
            kind="url",
            help=_("The production URL of the Webhook node that the workflow begins with."),
            placeholder="https://n8n.example.com/webhook/alerts",
            fallback="n8n_webhook_url",
        ),
    )

    def destination(self, settings: Mapping[str, str]) -> str:
        """The host alone: the rest of the URL is often the receiver's password."""
        return urlsplit(settings.get("url", "")).hostname or ""

    def send(self, message: Message, settings: Mapping[str, str], context: SendContext) -> None:
        # The operator's own setting may name a receiver on the same machine.
        url, reach = context.settings.n8n_webhook_url, outbound.Reach.ANYWHERE
        if settings.get("url"):
            url, reach = settings["url"], context.reach
        if not url:
            raise PermanentError(
                gettext("There is no address: enter one in the channel, or set N8N_WEBHOOK_URL.")
            )
        answer = outbound.request(
            "POST",
            url,
            reach=reach,
            headers={"Content-Type": "application/json", "Idempotency-Key": message.uid},
            body=json.dumps(payload(message)).encode(),
        )
        raise_unless_accepted(answer)


def payload(message: Message) -> dict[str, str]:
    """The first line of the text as `title`, what is below it as `message`."""
    title, _newline, below = texts.text(message).partition("\n")
    return {"title": title, "message": below.strip()}
