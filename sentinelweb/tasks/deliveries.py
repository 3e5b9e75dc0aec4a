"""Sending alerts as RQ runs it."""

from __future__ import annotations

from sentinelweb.extensions import settings
from sentinelweb.services import delivery


def send_deliveries() -> dict[str, int]:
    """Carry out what is due in the outbox; return how many were sent, failed and postponed."""
    return delivery.run(settings()).as_dict()
