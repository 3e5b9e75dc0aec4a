"""One process that is kept running: started again whenever it ends, stopped with all it started."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from sentinelweb import lifeline

FIRST_DELAY = 0.2  # seconds before a process that ended is started again
LAST_DELAY = 3.0
STABLE_AFTER = 10.0  # one that ran for as long begins at FIRST_DELAY again
STOP_GRACE = 15.0  # between SIGTERM and SIGKILL

Say = Callable[[str, str], None]  # (name of the service, text)
Report = Callable[[str, bytes], None]  # (name of the service, a line of its output)


class Service:
    """`seen_at` is when it was last seen to work, on the monotonic clock; None since its start.

    The process finds `descriptors` open as they are here. `prepare` is called before each start,
    and `on_failed_starts` after two in a row that came to nothing.
    """

    def __init__(
        self,
        name: str,
        argv: list[str],
        environment: Mapping[str, str],
        *,
        say: Say,
        report: Report,
        prepare: Callable[[], None] = lambda: None,
        on_failed_starts: Callable[[], None] = lambda: None,
        descriptors: Collection[int] = (),
    ) -> None:
        self.name = name
        self.started_at = 0.0
        self.seen_at: float | None = None
        self._argv = argv
        self._environment = environment
        self._say = say
        self._report = report
        self._prepare = prepare
        self._on_failed_starts = on_failed_starts
        self._descriptors = descriptors
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process, which leads a session of its own; None while there is none."""
        return self._process.pid if self._process else None

    @property
    def quiet_for(self) -> float:
        """Seconds since it was seen to work, or since its start."""
        return time.monotonic() - (self.seen_at or self.started_at)

    def seen(self) -> None:
        self.seen_at = time.monotonic()

    async def keep_running(self) -> None:
        """Run it until `stop()`."""
        delay, failed_starts = FIRST_DELAY, 0
        while not self._stopping.is_set():
            try:
                ending = f"ended with {_describe(await self.run())}"
            except OSError as error:  # no memory or descriptor is to be had, for a moment perhaps
                ending = f"cannot be started: {error.strerror}"
            if self._stopping.is_set():
                return
            if time.monotonic() - self.started_at >= STABLE_AFTER:
                delay = FIRST_DELAY
            failed_starts = 0 if self.seen_at else failed_starts + 1
            if failed_starts == 2:
                self._on_failed_starts()
            self._say(self.name, f"{ending}; starting again in {delay:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(delay * 2, LAST_DELAY)

    async def run(self) -> int:
        """Run it once; return its exit status, negative for a signal."""
        self._prepare()
        reading, writing = os.pipe()
        self.started_at, self.seen_at = time.monotonic(), None
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *lifeline.command(self._argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=self._environment,
                pass_fds=self._descriptors,
                start_new_session=True,
            )
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        lines = _LineReader(reading, lambda line: self._report(self.name, line))
        try:
            return await process.wait()
        finally:
            self._process = None
            # What it started may hold its port.
            _kill_group(process.pid, signal.SIGKILL)
            await lines.end()

    def kill(self, reason: str) -> None:
        """End what hangs; `keep_running()` starts it again."""
        if self._process:
            self._say(self.name, f"{reason}; killing it")
            _kill_group(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and after STOP_GRACE make it."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
            # One that is stopped cannot hear SIGTERM.
            process.send_signal(signal.SIGCONT)
        try:
            await asyncio.wait_for(process.wait(), STOP_GRACE)
        except TimeoutError:
            self.kill(f"did not stop within {STOP_GRACE:.0f} s")
            await process.wait()


class _LineReader:
    """Hands over whole lines from a pipe of which other processes may hold the other end."""

    def __init__(self, descriptor: int, handle: Callable[[bytes], None]) -> None:
        self._descriptor = descriptor
        self._handle = handle
        self._rest = b""
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        data = os.read(self._descriptor, 65_536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (not data or len(self._rest) > 65_536):
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._handle(line)
        if not data:
            self._loop.remove_reader(self._descriptor)
            self._ended.set()

    async def end(self) -> None:
        """Read what is left, and close."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), 1)
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)


def _kill_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _describe(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name
