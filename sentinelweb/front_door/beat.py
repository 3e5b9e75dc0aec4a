"""A heartbeat of a process at the door."""

from __future__ import annotations

from urllib.parse import unquote

from sentinelweb import clock
from sentinelweb.core.beats import BeatReceipt, process_of
from sentinelweb.core.signals import NotRecordedError
from sentinelweb.front_door.connection import Connection
from sentinelweb.front_door.gathering import Gathering
from sentinelweb.front_door.messages import Request
from sentinelweb.front_door.recorder import Waiting
from sentinelweb.services import beat_http

PREFIX = b"/heartbeat/"


def process_of_request(request: Request) -> str | None:
    """The process whose heartbeat this is; None for any other request."""
    if request.method != "POST" or not request.target.startswith(PREFIX):
        return None
    return process_of(unquote(request.target.partition(b"?")[0].decode("latin-1")))


class Heartbeat(Gathering):
    __slots__ = ("_process_id", "_renewed")

    def __init__(self, connection: Connection, request: Request, process_id: str) -> None:
        super().__init__(connection, request, beat_http.BODY_LIMIT)
        self._process_id = process_id
        self._renewed = ""

    def complete(self) -> None:
        request, door = self.request, self.connection.door
        reading = beat_http.read(
            self._process_id,
            authorization=request.header(b"authorization").decode("latin-1"),
            admin_token=request.header(b"x-admin-token").decode("latin-1"),
            body=self.body,
            now=clock.now(),
            settings=door.settings,
        )
        if reading is None:
            self.reply(*beat_http.REFUSED)
            return
        self._renewed = reading.renewed
        door.recorder.record(Waiting(reading.beat, self.settle))

    def settle(self, outcome: BeatReceipt | NotRecordedError | None) -> None:
        """The heartbeat is recorded, or is not; see Recorder."""
        self.reply(*beat_http.answer(outcome, self._renewed))
