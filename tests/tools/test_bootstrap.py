"""`make run` on a fresh clone: skips what is done, and fails with one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.patience import slowness
from tests.support.stack import ROOT, clean_environment
from tools import bootstrap

Bootstrap = Callable[..., subprocess.CompletedProcess[str]]

NEEDED = (
    "Makefile",
    "package.json",
    "package-lock.json",
    "requirements.txt",
    "requirements-dev.txt",
    "tools",
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout in a path with a space, with all that set-up looks at."""
    directory = tmp_path / "my clone"
    directory.mkdir()
    for name in NEEDED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, directory / name)
    (directory / "sentinelweb" / "static").mkdir(parents=True)
    (directory / "sentinelweb" / "page.html").write_text('{{ icon("bell") }}')
    return directory


@pytest.fixture
def run(clone: Path) -> Bootstrap:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "tools/bootstrap.py", *arguments],
            cwd=clone,
            env={**clean_environment(), "PYTHONPATH": "", **environment},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def done(clone: Path) -> Path:
    """A clone in which all was done before, as far as set-up can tell."""
    venv = clone / ".venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    (clone / "node_modules").symlink_to(ROOT / "node_modules")
    (venv / "stamps").mkdir()
    contents = {
        "environment": f"{venv} {Path(sys.executable).resolve()}".encode(),
        "requirements": (clone / "requirements.txt").read_bytes(),
        "front-end": (clone / "package-lock.json").read_bytes(),
    }
    for name, content in contents.items():
        (venv / "stamps" / name).write_text(bootstrap.digest(content))
    return clone


def test_what_is_done_is_skipped_in_a_moment(done: Path, run: Bootstrap):
    assert run().returncode == 0
    assert "bell" in (done / "sentinelweb/static/vendor/icons.svg").read_text()
    began = time.monotonic()
    result = run(PATH="/nowhere")
    assert time.monotonic() - began < 2 * slowness()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_static_files_are_built_again_when_a_page_changes(done: Path, run: Bootstrap):
    run()
    (done / "sentinelweb" / "page.html").write_text('{{ icon("pause") }}')
    assert run().returncode == 0
    assert "pause" in (done / "sentinelweb/static/vendor/icons.svg").read_text()


def offline() -> dict[str, str]:
    """An environment in which no package index can be reached."""
    nowhere = "http://127.0.0.1:9"
    return {
        "PIP_INDEX_URL": f"{nowhere}/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "UV_NO_CACHE": "1",
        "UV_HTTP_RETRIES": "0",
        "npm_config_registry": nowhere,
        "npm_config_fetch_retries": "0",
    }


def test_a_changed_lock_is_installed_or_the_network_is_named(done: Path, run: Bootstrap):
    with (done / "requirements.txt").open("a") as file:
        file.write("# changed\n")
    result = run(**offline())
    assert result.returncode == 1
    assert result.stdout == "Installing Python packages …\n"
    assert result.stderr == (
        "SentinelWeb cannot be set up: there is no way to the package index "
        "(installing requirements.txt); look at the network.\n"
    )
    assert not (done / "sentinelweb/static/vendor").exists(), "it goes on from there next time"


def test_a_clone_that_was_moved_gets_a_new_environment(done: Path, run: Bootstrap, clone: Path):
    (done / ".venv" / "stamps" / "environment").write_text(bootstrap.digest(b"elsewhere"))
    (done / ".venv" / "old").touch()
    result = run(**offline())
    assert "Making a virtual environment in .venv …\nInstalling" in result.stdout
    assert not (done / ".venv" / "old").exists()
    assert (done / ".venv" / "bin" / "python").exists()


def test_without_ensurepip_and_without_network_it_says_what_to_install(
    clone: Path, run: Bootstrap, tmp_path: Path
):
    (tmp_path / "ensurepip.py").write_text("raise ImportError")
    result = run(PYTHONPATH=str(tmp_path), **offline())
    assert result.returncode == 1
    assert result.stderr.endswith(
        "install python3-venv, for example: sudo apt install python3-venv\n"
    )
    assert result.stderr.count("\n") == 1


def test_a_python_that_is_too_old_is_named(clone: Path, run: Bootstrap, tmp_path: Path):
    fake = "import sys; sys.version_info = (3, 9, 2, 'final', 0)"
    (tmp_path / "sitecustomize.py").write_text(fake)
    result = run(PYTHONPATH=str(tmp_path), PATH=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("SentinelWeb needs Python 3.11 or newer, and this is 3.9.2")
    assert not (clone / ".venv").exists()


def test_a_newer_python_of_the_machine_is_taken(clone: Path, run: Bootstrap, tmp_path: Path):
    fake = "import sys; sys.version_info = (3, 9, 2, 'final', 0)"
    (tmp_path / "sitecustomize.py").write_text(fake)
    newer = tmp_path / "python3.12"
    newer.write_text('#!/bin/sh\necho "taken: $*"\n')
    newer.chmod(0o755)
    result = run("--dev", PYTHONPATH=str(tmp_path), PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (result.returncode, result.stdout) == (0, "taken: tools/bootstrap.py --dev\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_checkout_that_may_not_be_written_is_named(clone: Path, run: Bootstrap):
    clone.chmod(0o555)
    result = run()
    clone.chmod(0o755)
    assert result.returncode == 1
    assert "may not be written by this user" in result.stderr


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch):
    with (
        pytest.raises(bootstrap.SetUpError, match="is full; make room and try again"),
        bootstrap.translated_errors(),
    ):
        raise OSError(28, "No space left on device")
    result = subprocess.CompletedProcess([], 1, "", "npm error code ENOSPC")
    monkeypatch.setattr(bootstrap, "run_quietly", lambda *_: result)
    with pytest.raises(bootstrap.SetUpError, match=r"the disk is full \(npm ci\)"):
        bootstrap.run("npm ci", [])


@pytest.mark.parametrize(
    "target", ["run", "test", "lint", "format", "translations", "lock", "clean"]
)
def test_help_names_every_target(target: str):
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"make {target} " in result.stdout
