"""The targets and receivers, and the servers that they answer on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.mock.ports import OwnPort
from sentinelweb.mock.receivers import AlertReceiver, HeartbeatReceiver, Receiver
from sentinelweb.mock.targets import NAMES, Target

MAX_TARGETS = 50
MAX_BODY = 1_000_000


class Controller:
    """Everything that can be switched, by its name."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        self.receivers: dict[str, Receiver] = {
            receiver.name: receiver for receiver in (HeartbeatReceiver(), AlertReceiver())
        }

    @asynccontextmanager
    async def own_ports(self, host: str, first: int, count: int) -> AsyncIterator[None]:
        """Make `count` targets, each with its own port, counted from `first` (0: any)."""
        runners = []
        try:
            for index in range(count):
                target = self._make_target(index, host, first + index if first else 0)
                runners.append(target.port.runner)
                await target.port.runner.setup()
                await target.port.open()
            yield
        finally:
            for runner in runners:
                await runner.cleanup()

    async def switch_all(self, values: Mapping[str, object]) -> None:
        for target in self.targets.values():
            await target.switch(values)

    def state(self) -> str:
        """A text that changes when anything that the page shows does."""
        targets = [
            (target.behaviour, target.calls, target.last_status) for target in self.targets.values()
        ]
        receivers = [
            (receiver.mode, receiver.calls, len(receiver.log))
            for receiver in self.receivers.values()
        ]
        return fingerprint(targets, receivers)

    def _make_target(self, index: int, host: str, port: int) -> Target:
        name = NAMES[index] if index < len(NAMES) else f"target-{index + 1}"
        app = web.Application(client_max_size=MAX_BODY)
        target = self.targets[name] = Target(name, OwnPort(app, host, port))
        app.router.add_route("*", "/{path:.*}", target.answer)
        return target
