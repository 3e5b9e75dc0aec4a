"""A directory for sockets, of one process alone, that is gone after it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "sentinelweb-pages-"


@contextlib.contextmanager
def own_directory() -> Iterator[Path]:
    """Make one, and remove those of processes that were killed before they could.

    Below the directory for temporary files, because the path of a socket has to be short.
    """
    _remove_abandoned()
    directory, lock = _make()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _make() -> tuple[Path, int]:
    """A new directory, and the open descriptor whose lock says that its owner lives."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if directory.exists():
                return directory, lock
            # Somebody who began at the same moment took it for abandoned.
            os.close(lock)


def _remove_abandoned() -> None:
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # in use, somebody else's, or gone already
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_uid == os.getuid():
                    shutil.rmtree(directory)
            finally:
                os.close(descriptor)
