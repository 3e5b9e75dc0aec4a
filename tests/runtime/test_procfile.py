"""The Procfile is read as written, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinelweb.runtime.procfile import ProcfileError, load, parse, shell_line


def test_the_commands_keep_their_order():
    text = "release: flask db upgrade\n\n# the pages\nweb:gunicorn wsgi:app  \nworker: flask worker"
    assert list(parse(text).items()) == [
        ("release", "flask db upgrade"),
        ("web", "gunicorn wsgi:app"),
        ("worker", "flask worker"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("web gunicorn", "line 1: expected `name: command`"),
        ("web: a\nweb:", "line 2: expected `name: command`"),
        ("we b: a", "line 1: expected"),
        ("web: a\nweb: b", "line 2: web is there twice"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(text: str, sentence: str):
    with pytest.raises(ProcfileError, match=sentence):
        parse(text)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("gunicorn wsgi:app", "exec gunicorn wsgi:app"),
        ("flask db upgrade && flask setup", "flask db upgrade && flask setup"),
        ("ulimit -n 4096; exec flask worker", "ulimit -n 4096; exec flask worker"),
    ],
)
def test_a_single_command_replaces_its_shell(command: str, line: str):
    assert shell_line(command) == line


def test_a_missing_procfile_is_named(tmp_path: Path):
    with pytest.raises(ProcfileError, match="Procfile cannot be read: No such file"):
        load(tmp_path / "Procfile")
