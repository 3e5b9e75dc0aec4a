"""`flask team …` (cli/teams.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import Channel, HeartbeatCheck, User
from sentinelweb.services import heartbeats, invitations, members, teams


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


def test_people_are_added_and_removed(app: Flask, admin: User, other_user: User) -> None:
    team = teams.create(admin, "Night shift")

    added = run(app, "add", other_user.email, "--team", str(team.id), "--role", "viewer")
    assert added.output == f"{other_user.email} is in the team {team.id} now, as viewer.\n"
    listed = run(app, "list").output
    assert f"{team.id}  Night shift  members: 2  monitors: 0\n" in listed
    assert f"    {other_user.email}  viewer\n" in listed
    removed = run(app, "remove", other_user.email, "--team", str(team.id))
    assert removed.output == f"{other_user.email} is no longer in the team {team.id}.\n"
    assert [member.user for member in members.of_team(team)] == [admin]


def test_somebody_without_an_account_is_invited(app: Flask, admin: User) -> None:
    team = teams.create(admin, "Night shift")
    result = run(app, "add", "new@example.com", "--team", str(team.id))
    assert "/invitation/" in result.output
    (invitation,) = invitations.pending()
    assert (invitation.team, invitation.role) == (team, "member")


def test_a_team_is_named_by_its_number(
    app: Flask, admin: User, make_channel: Callable[..., Channel], tmp_path: Path
) -> None:
    make_channel(admin, name="Kept")
    team, path = teams.create(admin, "Night shift"), tmp_path / "team.json"
    run(app, "export", str(path))

    assert run(app, "import", "--team", str(team.id), str(path)).exit_code == 0
    assert {channel.team_id for channel in db.session.query(Channel)} == {1, team.id}
    made = db.session.query(Channel).filter_by(team_id=team.id).one()
    made.name = "Changed"
    db.session.commit()
    run(app, "export", "--team", str(team.id), str(path))
    (channel,) = json.loads(path.read_text("utf-8"))["channels"]
    assert channel["name"] == "Changed"


def test_it_is_imported_as_the_owner_would(
    app: Flask,
    admin: User,
    other_user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    tmp_path: Path,
) -> None:
    heartbeat = make_heartbeat(other_user, name="Before")
    team_id, path = str(heartbeat.team_id), str(tmp_path / "team.json")
    run(app, "export", "--team", team_id, path)
    heartbeat.name = "After"
    db.session.commit()

    refused = run(app, "import", "--team", team_id, "--user", admin.email, path)
    assert refused.exit_code == 1
    assert "is no admin of the team" in refused.output
    result = run(app, "import", "--team", team_id, path)

    assert "updated: 1" in result.output
    assert heartbeat.name == "Before"


def test_what_is_not_there_is_said(
    app: Flask, admin: User, other_user: User, tmp_path: Path
) -> None:
    for arguments, reason in (
        (("add", admin.email, "--team", "99"), "There is no team 99."),
        (("add", admin.email, "--team", "1"), "They are in the team already."),
        (("add", "nonsense", "--team", "1"), "This is not an e-mail address."),
        (("remove", other_user.email, "--team", "1"), "is not in the team 1."),
        (("remove", "nobody@example.com", "--team", "1"), "There is no user"),
        (("remove", admin.email, "--team", "1"), "A team needs an owner"),
        (("export", "--team", "99", str(tmp_path / "x")), "There is no team 99."),
        (("import", "--team", "99", str(tmp_path / "x")), "There is no team 99."),
    ):
        result = run(app, *arguments)
        assert result.exit_code == 1, arguments
        assert reason in result.output
