"""`flask team …`: who is in a team, and what it owns, written to a file and read from one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
from flask.cli import AppGroup

from sentinelweb.cli.accounts import plain_errors
from sentinelweb.extensions import settings
from sentinelweb.models import Invitation, Role, Team, User
from sentinelweb.services import accounts, exports, imports, invitations, members, scoping, teams
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from sentinelweb.services.import_report import Became, Report
from sentinelweb.services.scoping import Program

team_group = AppGroup("team", help="Who is in a team, and what it owns as a file.")
_team_option = click.option(
    "--team", "team_id", type=int, help="Which team, by its number in `flask team list`."
)


@team_group.command("list")
@plain_errors
def list_teams() -> None:
    """List all teams with their numbers."""
    for listed in teams.everyone():
        team = listed.team
        click.echo(
            f"{team.id}  {team.name}  members: {listed.members}  monitors: {listed.monitors}"
        )
        for member in members.of_team(team):
            click.echo(f"    {member.user.email}  {member.role}")


@team_group.command()
@click.argument("email")
@click.option("--team", "team_id", type=int, required=True, help="By its number in the list.")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), default=Role.MEMBER.value,
    show_default=True, help="What they become in it.",
)  # fmt: skip
@plain_errors
def add(email: str, team_id: int, role: str) -> None:
    """Take EMAIL into a team; print a link that invites them if they have no account."""
    added = members.add(_team(team_id).id, email, Role(role), by=None)
    if isinstance(added, Invitation):
        click.echo(invitations.link(added, settings().local_url))
    else:
        click.echo(f"{added.user.email} is in the team {team_id} now, as {added.role}.")


@team_group.command()
@click.argument("email")
@click.option("--team", "team_id", type=int, required=True, help="By its number in the list.")
@plain_errors
def remove(email: str, team_id: int) -> None:
    """Remove EMAIL from a team. What they made stays with it."""
    try:
        user = members.remove(team_id, _user(email).id, by=None)
    except NotFoundError:
        raise InvalidInputError("team", f"{email} is not in the team {team_id}.") from None
    click.echo(f"{user.email} is no longer in the team {team_id}.")


@team_group.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user", "email", help="Whose team; else the first administrator's.")
@_team_option
@click.option("--secrets", is_flag=True, help="With tokens, keys and passwords.")
@click.option("--history", is_flag=True, help="With every change of status.")
@plain_errors
def export(
    file: Path, email: str | None, team_id: int | None, *, secrets: bool, history: bool
) -> None:
    """Write all that a team owns to FILE, as JSON that only you can read."""
    _actor, team_id = _who_and_where(email, team_id)
    pieces = exports.write(Program(team_id), with_secrets=secrets, with_history=history)
    try:
        # Whole or not at all: a full disk must not leave a part that looks like an export.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as part:
            try:
                part.writelines(pieces)
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(file)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise InvalidInputError("file", f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"Wrote {file}, {file.stat().st_size:,} bytes.")


@team_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user", "email", help="Into whose team; else the first administrator's.")
@_team_option
@click.option("--dry-run", is_flag=True, help="Only say what would become of each entry.")
@plain_errors
def import_file(file: Path, email: str | None, team_id: int | None, *, dry_run: bool) -> None:
    """Import FILE, an export or PulseMon's database, and say what became of its entries."""
    user, team_id = _who_and_where(email, team_id)
    report = imports.read_file(file, user, settings(), dry_run=dry_run, team_id=team_id)
    for line in report.lines:
        name = f" “{line.name}”" if line.name else ""
        if line.text or line.became is not Became.PRESENT:
            click.echo(f"{line.place}{name}: {line.became}{'. ' if line.text else ''}{line.text}")
    click.echo(_summary(report, dry_run=dry_run))


def _user(email: str | None) -> User:
    user = accounts.find(email) if email else accounts.first_administrator()
    if user is None:
        reason = f"There is no user {email}." if email else "There is no administrator yet."
        raise InvalidInputError("user", reason)
    return user


def _who_and_where(email: str | None, team_id: int | None) -> tuple[User, int]:
    """Who acts, and the team: its owner and it, or somebody and their own."""
    if team_id is None:
        user = _user(email)
        return user, scoping.home_team(user)
    owner = members.of_team(_team(team_id))[0].user
    user = _user(email) if email else owner
    if not scoping.is_enough(scoping.roles(user).get(team_id), Role.ADMIN):
        raise InvalidInputError("user", f"{user.email} is no admin of the team {team_id}.")
    return user, team_id


def _team(team_id: int) -> Team:
    try:
        return teams.find(team_id)
    except NotFoundError:
        raise InvalidInputError("team", f"There is no team {team_id}.") from None


def _summary(report: Report, *, dry_run: bool) -> str:
    counts = "; ".join(f"{became}: {count}" for became, count in report.counted.items())
    ahead = "It would be so. " if dry_run else ""
    return f"\n{ahead}{counts.capitalize()}."
