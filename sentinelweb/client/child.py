"""A command that runs below us as if we were not there: its output, signals and exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType
from typing import IO

KEPT = 10_000  # bytes of output, and as many lines
CHUNK = 65_536
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as a shell says it (POSIX, 2.8.2)
DRAIN_WITHIN = 2.0  # seconds: a child of the command may hold its output open for ever

FORWARDED = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)


class Tail:
    """The last KEPT bytes of what two streams wrote, as they came."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        with self._lock:
            self._parts.append(data)
            self._size += len(data)
            while self._size - len(self._parts[0]) >= KEPT:
                self._size -= len(self._parts.popleft())

    def text(self) -> str:
        """Whatever it is: binary output is shown as far as it is text."""
        with self._lock:
            data = b"".join(self._parts)[-KEPT:]
        return data.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


class Child:
    """`status` is the exit status of the command, or minus the signal that killed it."""

    def __init__(self, command: Sequence[str], *, captures: bool) -> None:
        self._command = command
        self._captures = captures
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self.tail = Tail()

    def run(self) -> int:
        """Run it to its end."""
        previous = {number: signal.signal(number, self._forward) for number in FORWARDED}
        pipe = subprocess.PIPE if self._captures else None
        try:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - what the user asked for
                    self._command, stdout=pipe, stderr=pipe, bufsize=0
                )
            except (OSError, ValueError) as error:
                return self._cannot_run(error)
            for number in self._early:
                self._process.send_signal(number)
            copies = self._copy_output(self._process)
            status = self._process.wait()
            for copy in copies:
                copy.join(DRAIN_WITHIN)
            return status
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _cannot_run(self, error: OSError | ValueError) -> int:
        text = f"{self._command[0]}: {getattr(error, 'strerror', None) or error}\n"
        self.tail.add(text.encode("utf-8", "replace"))
        _write(sys.stderr.buffer, text.encode("utf-8", "replace"))
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        """A key of the terminal reaches the command without us, which would make it twice."""
        if number in {signal.SIGINT, signal.SIGQUIT} and _is_of_terminal():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def _copy_output(self, process: subprocess.Popen[bytes]) -> list[threading.Thread]:
        if not self._captures:
            return []
        pairs = ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer))
        copies = [
            threading.Thread(target=_copy, args=(source, target, self.tail.add), daemon=True)
            for source, target in pairs
            if source is not None
        ]
        for copy in copies:
            copy.start()
        return copies


def _is_of_terminal() -> bool:
    """Whether we are what a terminal's keys interrupt."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _copy(source: IO[bytes], target: IO[bytes], also: Callable[[bytes], None]) -> None:
    """Byte by byte as they come; on and on if nobody reads any more, so that the command does."""
    heard = True
    while data := os.read(source.fileno(), CHUNK):
        also(data)
        heard = heard and _write(target, data)


def _write(target: IO[bytes], data: bytes) -> bool:
    try:
        target.write(data)
        target.flush()
    except (OSError, ValueError):
        return False
    return True


def exit_as(status: int) -> int:
    """The exit status to end with. Of a command that a signal killed, die by the same."""
    if status >= 0:
        return status
    number = -status
    signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
    os.kill(os.getpid(), number)
    return 128 + number
