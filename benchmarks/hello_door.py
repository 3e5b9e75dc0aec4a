"""The ceiling: the front door with a fixed answer to everything, and nothing recorded."""

from __future__ import annotations

import runpy

from sentinelweb.front_door import messages
from sentinelweb.front_door.connection import Connection, Exchange
from sentinelweb.front_door.door import Door
from sentinelweb.front_door.messages import Request


class Hello(Exchange):
    def complete(self) -> None:
        date = self.connection.door.date
        self.answer = messages.answer(self.request, 200, b"Hello, world", b"", date)


def _hello(_door: Door, connection: Connection, request: Request) -> Exchange:
    return Hello(connection, request)


Door.exchange = _hello  # type: ignore[method-assign] # everything else is the real one
runpy.run_module("sentinelweb.front_door", run_name="__main__")
