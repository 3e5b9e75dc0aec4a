"""The door's side of recording: which signals wait, and whom to tell what became of them."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import structlog

from sentinelweb.core.beats import Beat, BeatReceipt
from sentinelweb.core.signals import NotRecordedError, Outcome, Signal

log = structlog.get_logger(__name__)

MAX_WAITING = 10_000
RESTART_DELAY = 0.2  # seconds
LENGTH = struct.Struct("!I")  # stands before each message


def pack(message: object) -> bytes:
    """A message for the other side. Both sides are ours, and nobody else has the socket."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data


class Waiting(NamedTuple):
    """A ping or a process's heartbeat, and whom to tell what became of it."""

    signal: Signal | Beat
    settle: Callable[[Any], None]  # an Outcome or a BeatReceipt


class Recorder:
    """Hands signals to the recording process (recording.py), and starts it again when it dies.

    They are sent as they come, and that process makes a group of all it finds: it never waits for
    us between two commits. What it had when it died is sent again, each signal alone, so that one
    that kills it is found out and given up.
    """

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._sent = 0  # as many of the first of them
        self._suspects = 0  # as many of the first of them were there when it died
        self._alone = False  # whether the first of them is tried alone
        self._writer: asyncio.StreamWriter | None = None  # while signals may be sent as they come
        self._planned = False
        self._heard_at = 0.0
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None

    def record(self, waiting: Waiting) -> None:
        """Record a signal some time soon, and call its `settle`."""
        if len(self._waiting) >= MAX_WAITING:
            waiting.settle(NotRecordedError("too many pings wait"))
            return
        if not self._waiting:
            self._heard_at = time.monotonic()
        self._waiting.append(waiting)
        if not self._planned:  # one message for all that the loop has at hand
            self._planned = True
            asyncio.get_running_loop().call_soon(self._send)

    @property
    def silent_for(self) -> float:
        """Seconds that signals have waited without any being recorded."""
        return time.monotonic() - self._heard_at if self._waiting else 0.0

    def kill(self) -> None:
        """End a process that does not come to an end."""
        if self._process and self._process.returncode is None:
            log.error("recording_hangs", seconds=round(self.silent_for))
            self._process.kill()

    def stop(self) -> None:
        """Let `run()` end when nothing waits any more."""
        self._stopping = True
        if self._writer and not self._waiting:
            self._writer.close()

    async def run(self) -> None:
        """Keep recording until `stop()`."""
        while not self._stopping or self._waiting:
            reader, writer = await self._start()
            try:
                await self._clear_suspects(reader, writer)
                self._writer = writer
                self._send()
                while True:
                    self._settle(await _receive(reader))
            except (ConnectionError, asyncio.IncompleteReadError):
                self._writer = None
                self._after_end()
            finally:
                writer.close()
            if self._process:
                await self._process.wait()
            if not self._stopping:
                await asyncio.sleep(RESTART_DELAY)

    async def _start(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        with theirs:
            # It needs no other tie to us: it ends when the socket does.
            module = [sys.executable, "-m", "sentinelweb.front_door.recording"]
            self._process = await asyncio.create_subprocess_exec(
                *module, str(theirs.fileno()), pass_fds=[theirs.fileno()]
            )
        return await asyncio.open_connection(sock=ours)

    async def _clear_suspects(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while self._suspects:
            self._suspects -= 1
            self._alone = True
            writer.write(pack([self._waiting[0].signal]))
            self._sent = 1
            self._settle(await _receive(reader))
            self._alone = False

    def _send(self) -> None:
        self._planned = False
        if self._writer is None:
            return
        new = [waiting.signal for waiting in islice(self._waiting, self._sent, None)]
        if new:
            self._sent += len(new)
            self._writer.write(pack(new))
        elif self._stopping and not self._waiting:
            self._writer.close()

    def _settle(self, outcomes: Sequence[Outcome | BeatReceipt]) -> None:
        self._heard_at = time.monotonic()
        self._sent -= len(outcomes)
        for outcome in outcomes:
            self._waiting.popleft().settle(outcome)
        if self._stopping and self._writer and not self._waiting:
            self._writer.close()

    def _after_end(self) -> None:
        """The process ended, of what it had or of something else."""
        if self._stopping and not self._waiting:
            return
        log.error("recording_ended", under_way=self._sent)
        if self._alone:
            self._waiting.popleft().settle(NotRecordedError("recording ended twice"))
        else:
            self._suspects = self._sent
        self._sent, self._alone = 0, False


async def _receive(reader: asyncio.StreamReader) -> Sequence[Outcome | BeatReceipt]:
    length = LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]
    outcomes: Sequence[Outcome | BeatReceipt] = pickle.loads(  # noqa: S301 - see pack()
        await reader.readexactly(length)
    )
    return outcomes
