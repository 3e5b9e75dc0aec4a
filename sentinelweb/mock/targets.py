"""What a target does when somebody looks at it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from aiohttp import web

from sentinelweb import clock
from sentinelweb.i18n import gettext as _
from sentinelweb.mock.ports import OwnPort
from sentinelweb.mock.values import InvalidValueError, choice, number

NAMES = ("shop", "api", "website", "search", "mail", "billing", "images", "chat", "docs", "login")
LIMITS = {
    "latency_ms": (0, 60_000),
    "jitter_ms": (0, 60_000),
    "delay_ms": (0, 600_000),
    "status": (200, 599),
    "period": (1, 3_600),
}
_BODILESS = {204, 205, 304}


class Mode(StrEnum):
    """`CLOSED` hangs up without an answer; `REFUSED` closes the target's own port as well."""

    HEALTHY = "healthy"
    SLOW = "slow"
    BROKEN = "broken"
    FLAPPING = "flapping"
    HANGING = "hanging"
    CLOSED = "closed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a target was told to do.

    Each answer takes `latency_ms`, give or take up to `jitter_ms`; a slow one `delay_ms` more.
    A broken target answers `status`; a flapping one does so every other `period`, in seconds.
    """

    mode: Mode = Mode.HEALTHY
    latency_ms: int = 20
    jitter_ms: int = 10
    delay_ms: int = 5_000
    status: int = 500
    period: int = 30

    def changed(self, values: Mapping[str, object]) -> Behaviour:
        """The same with `values`; raise InvalidValueError."""
        if unknown := sorted(values.keys() - LIMITS.keys() - {"mode"}):
            raise InvalidValueError(
                _("A target has nothing called %(name)s.", name=unknown[0][:50])
            )
        numbers = {
            name: number(name, values[name], *limits)
            for name, limits in LIMITS.items()
            if name in values
        }
        mode = choice(Mode, values["mode"]) if "mode" in values else self.mode
        return replace(self, mode=mode, **numbers)

    def pause(self) -> float:
        """Seconds until the next answer."""
        jitter = random.uniform(-self.jitter_ms, self.jitter_ms)  # noqa: S311 - no secret
        delay = self.delay_ms if self.mode is Mode.SLOW else 0
        return max(0.0, self.latency_ms + jitter + delay) / 1_000


class Target:
    """`last_status` is the code of the last answer, None where there was none."""

    def __init__(self, name: str, port: OwnPort) -> None:
        self.name = name
        self.port = port
        self.behaviour = Behaviour()
        self.calls = 0
        self.last_call_at: datetime | None = None
        self.last_status: int | None = None
        self._since = clock.now()
        self._switching = asyncio.Lock()

    async def switch(self, values: Mapping[str, object]) -> None:
        """Behave otherwise from now on; raise InvalidValueError and change nothing."""
        async with self._switching:
            behaviour = self.behaviour.changed(values)
            if behaviour.mode is Mode.REFUSED:
                await self.port.close()
            else:
                await self.port.open()
            self.behaviour = behaviour
            self._since = clock.now()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request as told."""
        self.calls += 1
        self.last_call_at = clock.now()
        self.last_status = None
        mode = self.behaviour.mode
        if mode is Mode.HANGING:
            await asyncio.Event().wait()  # until the caller gives up
        if mode in {Mode.CLOSED, Mode.REFUSED}:
            return _hang_up(request)
        await asyncio.sleep(self.behaviour.pause())
        self.last_status = status = self._status()
        if status in _BODILESS:
            return web.Response(status=status)
        body = {"target": self.name, "mode": mode, "ok": status < 400}
        return web.json_response(body, status=status)

    def _status(self) -> int:
        mode = self.behaviour.mode
        if mode is Mode.FLAPPING:
            turn = (clock.now() - self._since).total_seconds() // self.behaviour.period
            return self.behaviour.status if turn % 2 == 0 else 200
        return self.behaviour.status if mode is Mode.BROKEN else 200


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()
