"""What a receiver's HTTP answer means for the message that it was sent."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from sentinelweb import clock, outbound
from sentinelweb.core.durations import format_duration
from sentinelweb.i18n import gettext
from sentinelweb.notifiers.base import PermanentError, RetryLaterError, TransientError


def raise_unless_accepted(answer: outbound.Answer) -> None:
    """Any 2xx accepts; 410 refuses for good; 429 and 503 may ask to wait; else try again."""
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
