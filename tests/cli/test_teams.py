"""`flask team export` and `flask team import` (cli/teams.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, User
from sentinelweb.services import heartbeats


def run(app: Flask, *arguments: str) -> Result:
    db.session.commit()
    result = app.test_cli_runner().invoke(args=["team", *arguments])
    db.session.rollback()
    db.session.expire_all()
    return result


def test_an_export_is_read_again(
    app: Flask, admin: User, make_heartbeat: Callable[..., HeartbeatCheck], tmp_path: Path
) -> None:
    heartbeat = make_heartbeat(admin, alias="nightly", token="hidden-token")
    path = tmp_path / "team.json"
    written = run(app, "export", "--secrets", "--history", str(path))
    assert written.exit_code == 0, written.output
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text("utf-8"))["heartbeats"][0]["token"] == "hidden-token"
    heartbeats.delete(admin, heartbeat.id)

    dry = run(app, "import", "--dry-run", str(path))
    assert "heartbeats[0] “Nightly backup”: created" in dry.output
    assert "It would be so. Created: 1; updated: 0; present: 0; skipped: 0." in dry.output
    done = run(app, "import", "--user", admin.email, str(path))
    assert done.exit_code == 0, done.output
    assert "\nCreated: 1; updated: 0; present: 0; skipped: 0.\n" in done.output
    assert db.session.query(HeartbeatCheck).one().token == "hidden-token"


def test_what_cannot_be_read_or_written_is_said(app: Flask, admin: User, tmp_path: Path) -> None:
    for arguments in (
        ("import", str(tmp_path / "none")),
        ("import", str(tmp_path)),
        ("export", str(tmp_path / "none" / "x")),
        ("export", str(tmp_path)),
        ("export", "--user", "nobody@example.com", str(tmp_path / "x")),
    ):
        result = run(app, *arguments)
        assert result.exit_code == 1
        assert result.output.startswith("Error: ")
    assert list(tmp_path.glob(".*")) == []


def test_there_must_be_somebody_to_import_for(app: Flask, tmp_path: Path) -> None:
    assert "There is no administrator yet." in run(app, "import", str(tmp_path / "x")).output
