"""The lines of several processes on one terminal, each with its process's name before it."""

from __future__ import annotations

import os
import queue
import sys
import threading
from contextlib import suppress

COLOURS = (36, 33, 35, 32, 34, 31)  # ANSI foregrounds
MAX_WAITING = 5_000  # lines
FLUSH_SECONDS = 2


class Output:
    """Writes in a thread of its own: a terminal that somebody paused must not stop what runs.

    Lines beyond MAX_WAITING are dropped, and counted.
    """

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, names))
        coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._colours = dict(zip(names, COLOURS, strict=False)) if coloured else {}
        self._lines: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def line(self, name: str, text: bytes) -> None:
        prefix = f"{name:<{self._width}} | "
        if name in self._colours:
            prefix = f"\033[{self._colours[name]}m{prefix}\033[0m"
        try:
            self._lines.put_nowait(prefix.encode() + text + b"\n")
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Wait for what is still to be written, but not for ever."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=FLUSH_SECONDS)
            self._thread.join(FLUSH_SECONDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                line = b"(%d lines were dropped here)\n" % dropped + line
            # OSError: nobody reads any more (`make run | head`), which is no reason to stop.
            with suppress(OSError):
                while line:
                    line = line[os.write(sys.stdout.fileno(), line) :]
