"""A webhook: JSON to any address."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from requests.structures import CaseInsensitiveDict

from sentinelweb import clock, outbound
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.notifiers import custom_template, samples, texts, webhook_bodies
from sentinelweb.notifiers.answers import raise_unless_accepted
from sentinelweb.notifiers.base import (
    Field,
    InvalidValueError,
    Message,
    Notifier,
    PermanentError,
    Preview,
    SendContext,
    parse_headers,
)
from sentinelweb.notifiers.custom_template import TemplateError

SIGNATURE_HEADER = "X-SentinelWeb-Signature"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

PULSEMON, CUSTOM = "pulsemon", "custom"
TEMPLATES = {
    "json": "SentinelWeb JSON",
    PULSEMON: "PulseMon",
    "discord": "Discord",
    "slack": "Slack",
    "telegram": "Telegram",
    CUSTOM: _("Custom"),
}
CUSTOM_EXAMPLE = '{"text": {{ text | json }}}'

_DETAILS = {
    "heartbeat": ("last_ping", "expected_period", "grace_period", "late_by", "down_for"),
    "service": ("target", "result", "latency_ms", "status_code", "failures", "down_for"),
    "host": ("last_report", "silent_for", "down_for"),
    "process": ("last_heartbeat", "silent_for", "host", "progress", "message", "down_for"),
}
_MAX_PARAMETER = 500


def _check_custom(source: str) -> str:
    """Fill it in with an example of every event: what is wrong is told before an alert needs it."""
    for message in samples.every():
        try:
            custom_template.render(source, webhook_bodies.facts(message))
        except TemplateError as error:
            raise InvalidValueError(str(error)) from None
    return source


class Webhook(Notifier):
    kind = "webhook"
    label = "Webhook"
    icon = "webhook"
    summary = _("An HTTP call with the facts as JSON, to any program")
    template_facts = webhook_bodies.FACTS
    template_filters = custom_template.FILTERS
    fields = (
        Field("url", _("URL"), kind="url", placeholder="https://example.com/hooks/alerts"),
        Field(
            "method",
            _("Method"),
            kind="choice",
            choices=("POST", "PUT", "GET"),
            default="POST",
            help=_(
                "POST and PUT send the body below; GET sends the facts as parameters of the URL."
            ),
        ),
        Field(
            "template",
            _("Body"),
            kind="choice",
            choices=tuple(TEMPLATES),
            labels=tuple(TEMPLATES.values()),
            default="json",
            help=_("Whose webhooks the receiver understands, or a template of your own."),
        ),
        Field(
            "body",
            _("Template"),
            kind="multiline",
            default=CUSTOM_EXAMPLE,
            required=False,
            max_length=custom_template.MAX_SOURCE,
            check=_check_custom,
            help=_("For “Custom”: a text with facts such as {{ name }} or {{ text | json }}."),
        ),
        Field(
            "headers",
            _("Headers"),
            kind="headers",
            help=_("One a line; the values are kept secret."),
            placeholder="Authorization: Bearer …",
            secret=True,
            required=False,
        ),
        Field(
            "secret",
            _("Signing secret"),
            help=_("If set, each call is signed, so that the receiver can tell who sent it."),
            secret=True,
            required=False,
        ),
    )

    def destination(self, settings: Mapping[str, str]) -> str:
        """The host alone: the rest of the URL is often the receiver's password."""
        return urlsplit(settings.get("url", "")).hostname or ""

    def send(self, message: Message, settings: Mapping[str, str], context: SendContext) -> None:
        method = settings.get("method") or "POST"
        url, body = settings["url"], b""
        headers = CaseInsensitiveDict[str]()
        if method == "GET":
            url = _with_query(url, _parameters(message))
        else:
            try:
                body, headers["Content-Type"] = _body(message, settings)
            except TemplateError as error:
                raise PermanentError(
                    gettext("The template cannot be filled in. %(reason)s", reason=error)
                ) from None
        headers.update(parse_headers(settings.get("headers", "")))
        headers["Idempotency-Key"] = message.uid
        if settings.get("secret"):
            signed = body or urlsplit(url).query.encode()
            headers[SIGNATURE_HEADER] = signature(settings["secret"], clock.now(), signed)
        answer = outbound.request(method, url, reach=context.reach, headers=headers, body=body)
        raise_unless_accepted(answer)

    def preview(self, settings: Mapping[str, str]) -> list[Preview]:
        shown = []
        for message in (samples.heartbeat("down"), samples.heartbeat("up")):
            if settings.get("method") == "GET":
                lines = [f"{name}={value}" for name, value in _parameters(message).items()]
                shown.append(Preview(message.event, "", "\n".join(lines)))
                continue
            try:
                body, content_type = _body(message, settings)
            except TemplateError as error:
                raise InvalidValueError(str(error)) from None
            content = body.decode()
            if content_type == JSON:
                content = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
            shown.append(Preview(message.event, content_type, content))
        return shown


def _body(message: Message, settings: Mapping[str, str]) -> tuple[bytes, str]:
    """The body by the channel's template, and its type; raise TemplateError."""
    template = settings.get("template")
    if template == CUSTOM:
        source = settings.get("body") or CUSTOM_EXAMPLE
        text = custom_template.render(source, webhook_bodies.facts(message))
        return text.encode("utf-8", "replace"), JSON if _is_json(text) else TEXT
    write = webhook_bodies.BODIES.get(template or "", payload)
    return json.dumps(write(message)).encode(), JSON


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def payload(message: Message) -> dict[str, Any]:
    """The JSON of a message. Times are ISO 8601 in UTC, durations seconds."""
    head = {"id": message.uid, "event": message.event, "text": texts.text(message)}
    if message.event == "digest":
        return {**head, "events": [payload(part) for part in message.parts]}
    facts = message.facts
    head["occurred_at"] = facts["occurred_at"]
    if message.event == "test":
        return head
    monitor = {name: facts[name] for name in ("id", "name", "slug", "kind", "description")}
    if message.event == "relay":
        return {
            **head,
            "monitor": monitor,
            "note": facts.get("note"),
            "code": facts.get("code"),
            "previous_code": facts.get("previous_code"),
            "page_url": message.page_url,
        }
    return {
        **head,
        "status": facts["status"],
        "previous": facts["previous"],
        "monitor": monitor,
        "note": facts.get("note"),
        **_details(message),
        "page_url": message.page_url,
    }


def _details(message: Message) -> dict[str, Any]:
    """What only monitors of this kind have."""
    facts, kind = message.facts, message.facts["kind"]
    details = {name: facts.get(name) for name in _DETAILS[kind]}
    match kind:
        case "heartbeat":
            details["ping_url"] = message.ping_url
        case "service":
            details["reason"] = facts.get("note")
    return details


def signature(secret: str, moment: datetime, body: bytes) -> str:
    """`t=<Unix time>,v1=<hex>`: HMAC-SHA256 over the time, a dot and the body.

    The time is signed too, so that a receiver can refuse a call that somebody recorded and repeats.
    """
    time = str(int(moment.timestamp()))
    digest = hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={digest}"


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit(parts._replace(query=query))


def _parameters(message: Message) -> dict[str, str]:
    """The facts that a URL can hold: the payload's texts and numbers, and the monitor's by name."""
    facts = payload(message)
    facts.update({f"monitor_{name}": value for name, value in facts.pop("monitor", {}).items()})
    facts["text"] = texts.text(message, _MAX_PARAMETER)
    return {
        name: str(value)[:_MAX_PARAMETER]
        for name, value in facts.items()
        if value is not None and not isinstance(value, list)
    }
