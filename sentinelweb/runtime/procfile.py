"""The Procfile: one process a line, `name: command`."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


class ProcfileError(Exception):
    """The Procfile cannot be read; the message is for the operator."""


def parse(text: str) -> dict[str, str]:
    """The commands by name, in the order of the file, which may have comments (`#`)."""
    commands: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ProcfileError(f"Procfile, line {number}: expected `name: command`")
        name, command = match.groups()
        if name in commands:
            raise ProcfileError(f"Procfile, line {number}: {name} is there twice")
        commands[name] = command
    return commands


def shell_line(command: str) -> str:
    """`command` for a shell that it replaces, so that signals reach the process itself.

    Not with several commands in it, of which the first alone would run.
    """
    return command if re.search(r"[;&|]", command) else f"exec {command}"


def load(path: Path) -> dict[str, str]:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProcfileError(f"{path} cannot be read: {error.strerror}") from error
