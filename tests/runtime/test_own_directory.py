"""The directory of a process: its own while it lives, and gone afterwards, however it ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sentinelweb.runtime.own_directory import PREFIX, own_directory

HOLD = """
import sys, time
from sentinelweb.runtime.own_directory import own_directory
with own_directory() as directory:
    (directory / "pages.sock").touch()
    print(directory, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(temporary_files: Path) -> Callable[[], tuple[subprocess.Popen[str], Path]]:
    def hold() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            env={"TMPDIR": str(temporary_files), "PYTHONPATH": ":".join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    return hold


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_it_is_gone_afterwards(temporary_files: Path) -> None:
    with own_directory() as directory:
        (directory / "pages.sock").touch()
        assert directory.parent == temporary_files
        assert directory.stat().st_mode & 0o077 == 0
    assert list(temporary_files.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(
    holder: Callable[[], tuple[subprocess.Popen[str], Path]],
) -> None:
    process, left = holder()
    end(process)
    assert (left / "pages.sock").exists()
    with own_directory():
        assert not left.exists()


def test_that_of_a_living_process_stays(
    holder: Callable[[], tuple[subprocess.Popen[str], Path]],
) -> None:
    process, theirs = holder()
    try:
        with own_directory() as ours:
            assert ours != theirs
        assert (theirs / "pages.sock").exists()
    finally:
        end(process)


def test_what_else_is_there_is_left_alone(temporary_files: Path) -> None:
    elsewhere = temporary_files / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (temporary_files / f"{PREFIX}link").symlink_to(elsewhere)
    (temporary_files / f"{PREFIX}file").touch()
    with own_directory():
        pass
    assert (elsewhere / "kept").exists()
    assert len(list(temporary_files.iterdir())) == 3


def test_those_who_begin_at_once_keep_theirs() -> None:
    def hold(_number: int) -> bool:
        with own_directory() as directory:
            return directory.exists()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(hold, range(200)))
