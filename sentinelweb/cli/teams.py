"""`flask team …`: what a team owns, written to a file and read from one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
from flask.cli import AppGroup

from sentinelweb.cli.accounts import plain_errors
from sentinelweb.extensions import settings
from sentinelweb.models import User
from sentinelweb.services import accounts, exports, imports
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.import_report import Became, Report

team_group = AppGroup("team", help="Export and import what a team owns.")


@team_group.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user", "email", help="Whose team; else the first administrator's.")
@click.option("--secrets", is_flag=True, help="With tokens, keys and passwords.")
@click.option("--history", is_flag=True, help="With every change of status.")
@plain_errors
def export(file: Path, email: str | None, *, secrets: bool, history: bool) -> None:
    """Write all that a team owns to FILE, as JSON that only you can read."""
    pieces = exports.write(_user(email), with_secrets=secrets, with_history=history)
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
@click.option("--dry-run", is_flag=True, help="Only say what would become of each entry.")
@plain_errors
def import_file(file: Path, email: str | None, *, dry_run: bool) -> None:
    """Import FILE, an export or PulseMon's database, and say what became of its entries."""
    report = imports.read_file(file, _user(email), settings(), dry_run=dry_run)
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


def _summary(report: Report, *, dry_run: bool) -> str:
    counts = "; ".join(f"{became}: {count}" for became, count in report.counted.items())
    ahead = "It would be so. " if dry_run else ""
    return f"\n{ahead}{counts.capitalize()}."
