"""Disks that are full when a test wants them to be."""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from tests.support.stack import Stack


class Disk(Protocol):
    def fill(self) -> None: ...

    def make_room(self) -> None: ...


class SmallDisk:
    """A file system of a few megabytes at `directory`, which something else fills."""

    def __init__(self, directory: Path) -> None:
        self._filler = directory / "filler"

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while room := shutil.disk_usage(self._filler.parent).free:
                file.write(bytes(room))

    def make_room(self) -> None:
        self._filler.unlink()


class LimitedFiles:
    """No file that the processes of `stack` write may be larger than a few bytes, as by a quota."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def fill(self) -> None:
        self._limit(8_192)

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for process in self._stack.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                _soft, hard = process.rlimit(psutil.RLIMIT_FSIZE)
                process.rlimit(psutil.RLIMIT_FSIZE, (size, hard))


@contextlib.contextmanager
def mounted(directory: Path, megabytes: int) -> Iterator[None]:
    """A file system in memory at the new `directory`; the test is skipped where none is allowed."""
    directory.mkdir(mode=0o700)
    options = f"size={megabytes}m,mode=700"
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], capture_output=True
    )
    if mount.returncode:
        pytest.skip("only root may mount a small disk; the test with limited files does without")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)
