"""`python -m sentinelweb` and the command `sentinelweb`."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib

import pytest

from sentinelweb import __version__
from tests.support.stack import ROOT, clean_environment


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sentinelweb", *arguments],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_it_knows_its_version() -> None:
    assert run("--version").stdout.strip() == __version__


@pytest.mark.parametrize("command", ["agent", "mock"])
def test_each_command_explains_itself(command: str) -> None:
    assert command in run("--help").stdout
    ended = run(command, "--help")
    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: ")


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("agent", "--nothing")])
def test_what_it_does_not_know_is_told(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert "usage: " in ended.stderr


def test_the_installed_command_is_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["scripts"]["sentinelweb"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    assert project["version"] == __version__
