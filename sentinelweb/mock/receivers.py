"""Receivers of heartbeats and of alerts: they answer as told, and keep what arrived."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from aiohttp import web

from sentinelweb import clock
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.mock import masking
from sentinelweb.mock.values import choice

KEPT = 100
SILENT = timedelta(seconds=60)  # a host that was silent for longer has recovered when it is back


class HeartbeatMode(StrEnum):
    """Seed 004's answers of the worker; `AUTO` chooses between the first two as it would."""

    AUTO = "auto"
    RECORDED = "recorded"
    RECOVERED = "recovered"
    BLIND = "blind"
    PARTIAL = "partial"
    CRITICAL = "critical"


CODES = {
    HeartbeatMode.RECORDED: 200,
    HeartbeatMode.RECOVERED: 200,
    HeartbeatMode.BLIND: 220,
    HeartbeatMode.PARTIAL: 221,
    HeartbeatMode.CRITICAL: 500,
}


class AlertMode(StrEnum):
    ACCEPTING = "accepting"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Received:
    """One call, without its secrets. `summary` is a line that says what it is about."""

    at: datetime
    method: str
    path: str
    headers: dict[str, str]
    body: str
    summary: str
    status: int
    answer: str


class Receiver(ABC):
    """Keeps the last KEPT calls, the newest first; `calls` counts all of them."""

    name: ClassVar[str]
    path: ClassVar[str]
    modes: ClassVar[type[StrEnum]]
    mode: StrEnum

    def __init__(self) -> None:
        self.calls = 0
        self.log: deque[Received] = deque(maxlen=KEPT)

    def switch(self, mode: object) -> None:
        """Answer otherwise from now on; raise InvalidValueError."""
        self.mode = choice(self.modes, mode)

    def clear(self) -> None:
        self.log.clear()

    async def answer(self, request: web.Request) -> web.Response:
        parsed = masking.parse(await request.read())
        status, answer = self._judge(parsed)
        self.calls += 1
        self.log.appendleft(
            Received(
                at=clock.now(),
                method=request.method,
                path=request.path,
                headers=masking.without_secrets(dict(request.headers)),
                body=masking.shown(parsed),
                summary=masking.without_secrets(self._summary(parsed)),
                status=status,
                answer=answer,
            )
        )
        return web.json_response({"ok": status < 400, "status": answer}, status=status)

    @abstractmethod
    def _judge(self, parsed: Any) -> tuple[int, str]:
        """The code of the answer, and the word or sentence in it."""

    @abstractmethod
    def _summary(self, parsed: Any) -> str: ...


class HeartbeatReceiver(Receiver):
    """Stands in for seed 004's worker, to which an agent or the relay reports."""

    name = "heartbeats"
    path = "/api/heartbeat"
    modes = HeartbeatMode

    def __init__(self) -> None:
        super().__init__()
        self.mode = HeartbeatMode.AUTO
        self._failing: set[str] = set()
        self._last_at: datetime | None = None

    def _judge(self, parsed: Any) -> tuple[int, str]:
        services = _services(parsed)
        if services is None:
            return 422, _(
                'The body must be JSON such as {"services": {"api": {"status": "healthy"}}}.'
            )
        mode = HeartbeatMode(self.mode)
        if mode is HeartbeatMode.AUTO:
            mode = self._as_the_worker_would(services)
        return CODES[mode], mode

    def _as_the_worker_would(self, services: dict[str, str]) -> HeartbeatMode:
        now = clock.now()
        was_silent = self._last_at is not None and now - self._last_at > SILENT
        failing = {name for name, status in services.items() if status != "healthy"}
        recovered = was_silent or bool(self._failing - failing)
        self._failing, self._last_at = failing, now
        return HeartbeatMode.RECOVERED if recovered else HeartbeatMode.RECORDED

    def _summary(self, parsed: Any) -> str:
        services = _services(parsed)
        if services is None:
            return _("Not a heartbeat")
        failing = [f"{name}: {status}" for name, status in services.items() if status != "healthy"]
        if failing:
            return ", ".join(failing)[:300]
        return ngettext("%(n)s service, healthy", "%(n)s services, all healthy", len(services))


class AlertReceiver(Receiver):
    """Takes what channels send: webhooks, n8n's `{title, message}`, and any other JSON."""

    name = "alerts"
    path = "/alerts"
    modes = AlertMode

    def __init__(self) -> None:
        super().__init__()
        self.mode = AlertMode.ACCEPTING

    def _judge(self, parsed: Any) -> tuple[int, str]:
        if self.mode is AlertMode.FAILING:
            return 500, "failed"
        if parsed is None:
            return 422, _("The body must be JSON.")
        return 200, "accepted"

    def _summary(self, parsed: Any) -> str:
        if not isinstance(parsed, dict):
            return _("Not an alert")
        monitor = parsed.get("monitor")
        if isinstance(monitor, dict):  # a webhook's body
            facts = (parsed.get("event"), monitor.get("name"), parsed.get("note"))
            return ": ".join(str(fact)[:200] for fact in facts if fact)
        for name in ("title", "text", "message", "event"):
            lines = str(parsed.get(name) or "").strip().splitlines()
            if lines:
                return lines[0][:300]
        return _("Not an alert")


def _services(parsed: Any) -> dict[str, str] | None:
    """The status of each service by its name; None for what is no report."""
    services = parsed.get("services") if isinstance(parsed, dict) else None
    if not isinstance(services, dict):
        return None
    return {
        name: str(service.get("status")) if isinstance(service, dict) else "unknown"
        for name, service in services.items()
    }
