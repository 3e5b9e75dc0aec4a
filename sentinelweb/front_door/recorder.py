"""Group commit: pings that arrive while a group is recorded make up the next one."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from sentinelweb.core.signals import NotRecordedError, Outcome, Signal

log = structlog.get_logger(__name__)

# More to a commit is no faster, and keeps other writers waiting.
MAX_GROUP = 500
MAX_WAITING = 10_000
RESTART_DELAY = 0.2  # seconds
LENGTH = struct.Struct("!I")  # stands before each message


def pack(message: object) -> bytes:
    """A message for the other side. Both sides are ours, and nobody else has the socket."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data


class Waiting(NamedTuple):
    """A signal, and whom to tell what became of it."""

    signal: Signal
    settle: Callable[[Outcome], None]


class Recorder:
    """Hands signals to the recording process (recording.py), and starts it again when it dies.

    What it was at when it died is sent again, each signal alone: one that kills it is given up.
    """

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._again: deque[Waiting] = deque()
        self._under_way: list[Waiting] = []
        self._is_second_try = False
        self._since = 0.0
        self._news = asyncio.Event()
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None

    def record(self, waiting: Waiting) -> None:
        """Record a signal some time soon, and call its `settle`."""
        if len(self._waiting) >= MAX_WAITING:
            waiting.settle(NotRecordedError("too many pings wait"))
            return
        self._waiting.append(waiting)
        self._news.set()

    @property
    def busy_for(self) -> float:
        """Seconds that the group under way has taken."""
        return time.monotonic() - self._since if self._under_way else 0.0

    def kill(self) -> None:
        """End a process that does not come to an end."""
        if self._process:
            log.error("recording_hangs", seconds=round(self.busy_for))
            self._process.kill()

    def stop(self) -> None:
        """Let `run()` end when nothing waits any more."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Record what comes until `stop()`."""
        while True:
            ours, theirs = socket.socketpair()
            with theirs:
                # It needs no other tie to us: it ends when the socket does.
                module = [sys.executable, "-m", "sentinelweb.front_door.recording"]
                self._process = await asyncio.create_subprocess_exec(
                    *module, str(theirs.fileno()), pass_fds=[theirs.fileno()]
                )
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                await self._feed(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                log.error("recording_ended", under_way=len(self._under_way))  # noqa: TRY400
                self._try_again()
            finally:
                writer.close()
            await self._process.wait()
            if self._stopping and not self._again and not self._waiting:
                return
            await asyncio.sleep(RESTART_DELAY)

    async def _feed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send one group after the other, each before those of the last one are told."""
        told: Sequence[Waiting] = ()
        outcomes: Sequence[Outcome] = ()
        while True:
            self._news.clear()
            group = self._under_way = self._next_group()
            if group:
                self._since = time.monotonic()
                writer.write(pack([waiting.signal for waiting in group]))
            for waiting, outcome in zip(told, outcomes, strict=True):
                waiting.settle(outcome)
            if group:
                length = LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]
                outcomes = pickle.loads(await reader.readexactly(length))  # noqa: S301 - see pack()
            elif self._stopping:
                return
            else:
                outcomes = ()
                await self._news.wait()
            told = group

    def _next_group(self) -> list[Waiting]:
        self._is_second_try = bool(self._again)
        if self._again:
            return [self._again.popleft()]
        group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
        return group

    def _try_again(self) -> None:
        """The process died of the group under way, or of something else."""
        if self._is_second_try:
            for waiting in self._under_way:
                waiting.settle(NotRecordedError("recording ended twice"))
        else:
            self._again.extend(self._under_way)
        self._under_way = []
