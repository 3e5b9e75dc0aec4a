"""Processes that do not outlive whoever started them, even if that was killed with `kill -9`.

As a command, `lifeline.py PARENT_PID COMMAND ARGUMENT…`, it does so for any program. It is run by
path and imports little, because every process of `make run` starts through it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_SECONDS = 0.5


def tie_to(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Let this process get the signal `number` when `parent`, which must be its parent, ends.

    On Linux the kernel does it, and goes on doing it after an exec. Note that it means the *thread*
    of the parent that forked.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it ended before we had asked
            os.kill(os.getpid(), number)
    else:
        _watch(parent, lambda: os.kill(os.getpid(), number))


def command(argv: list[str]) -> list[str]:
    """The command that runs `argv` tied to the calling process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


def main() -> int:
    parent, argv = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        tie_to(parent)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
    # Elsewhere nothing survives an exec, so this process stays and watches.
    child = subprocess.Popen(argv)  # noqa: S603 - the command is our caller's
    _watch(parent, child.kill)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _frame: child.send_signal(number))
    return child.wait()


def _watch(parent: int, orphaned: Callable[[], None]) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        orphaned()

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
