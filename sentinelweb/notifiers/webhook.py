"""A webhook: JSON to any address."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from requests.structures import CaseInsensitiveDict

from sentinelweb import clock, outbound
from sentinelweb.core.durations import format_duration
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.notifiers import texts
from sentinelweb.notifiers.base import (
    Field,
    Message,
    Notifier,
    PermanentError,
    RetryLaterError,
    SendContext,
    TransientError,
    parse_headers,
)

SIGNATURE_HEADER = "X-SentinelWeb-Signature"

_DETAILS = ("note", "last_ping", "expected_period", "grace_period", "late_by", "down_for")
_MAX_PARAMETER = 500


class Webhook(Notifier):
    kind = "webhook"
    label = "Webhook"
    icon = "webhook"
    summary = _("An HTTP call with the facts as JSON, to any program")
    fields = (
        Field("url", _("URL"), kind="url", placeholder="https://example.com/hooks/alerts"),
        Field(
            "method",
            _("Method"),
            kind="choice",
            choices=("POST", "PUT", "GET"),
            default="POST",
            help=_("POST and PUT send JSON; GET sends the facts as parameters of the URL."),
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
            body = json.dumps(payload(message)).encode()
            headers["Content-Type"] = "application/json"
        headers.update(parse_headers(settings.get("headers", "")))
        headers["Idempotency-Key"] = message.uid
        if settings.get("secret"):
            signed = body or urlsplit(url).query.encode()
            headers[SIGNATURE_HEADER] = signature(settings["secret"], clock.now(), signed)
        answer = outbound.request(method, url, reach=context.reach, headers=headers, body=body)
        _judge(answer)


def payload(message: Message) -> dict[str, Any]:
    """The JSON of a message. Times are ISO 8601 in UTC, durations seconds."""
    head = {"id": message.uid, "event": message.event, "text": texts.text(message)}
    if message.event == "digest":
        return {**head, "events": [payload(part) for part in message.parts]}
    facts = message.facts
    head["occurred_at"] = facts["occurred_at"]
    if message.event == "test":
        return head
    return {
        **head,
        "status": facts["status"],
        "previous": facts["previous"],
        "monitor": {name: facts[name] for name in ("id", "name", "slug", "kind", "description")},
        **{name: facts.get(name) for name in _DETAILS},
        "ping_url": message.ping_url,
        "page_url": message.page_url,
    }


def signature(secret: str, moment: datetime, body: bytes) -> str:
    """`t=<Unix time>,v1=<hex>`: HMAC-SHA256 over the time, a dot and the body.

    The time is signed too, so that a receiver can refuse a call that somebody recorded and repeats.
    """
    time = str(int(moment.timestamp()))
    digest = hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={digest}"


def _judge(answer: outbound.Answer) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if status == HTTPStatus.GONE:
        raise PermanentError(gettext("The receiver is gone for good (status 410)."))
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        wait = _retry_after(answer.headers.get("Retry-After", ""))
        if wait is not None:
            duration = format_duration(wait)
            raise RetryLaterError(
                wait, gettext("The receiver asks to wait for %(duration)s.", duration=duration)
            )
    if 300 <= status < 400:
        raise TransientError(
            gettext("The receiver redirects (status %(n)s), which is not followed.", n=status)
        )
    raise TransientError(gettext("The receiver answered with status %(n)s.", n=status))


def _retry_after(value: str) -> float | None:
    """The seconds that the header asks for, as a number or a date (RFC 9110, 10.2.3)."""
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - clock.now()).total_seconds())


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
