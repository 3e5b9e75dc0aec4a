"""`flask services …`: services without a browser."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from flask.cli import AppGroup

from sentinelweb.cli.accounts import plain_errors
from sentinelweb.extensions import settings
from sentinelweb.models import User
from sentinelweb.services import accounts, env_import
from sentinelweb.services.env_import import Became, Line
from sentinelweb.services.errors import InvalidInputError

MAX_BYTES = 1_000_000

services_group = AppGroup("services", help="Import services.")


@services_group.command("import-env")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user", "email", help="Whose services they become; else the first administrator's.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of each line.")
@plain_errors
def import_env(file: Path, email: str | None, *, dry_run: bool) -> None:
    """Import the services of FILE, an agent's .env, and say what became of each line."""
    lines = env_import.import_services(_read(file), _user(email), settings(), dry_run=dry_run)
    width = max((len(line.name) for line in lines), default=0)
    for line in lines:
        click.echo(f"{line.number:>4}  {line.name:<{width}}  {line.became:<8}  {line.text}")
    click.echo(_summary(lines, dry_run=dry_run))


def _read(path: Path) -> str:
    """The text of the file; raise InvalidInputError with a sentence."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidInputError("file", f"There is no file {path}.") from None
    except OSError as error:
        raise InvalidInputError("file", f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise InvalidInputError("file", f"{path} is larger than {MAX_BYTES:,} bytes: not a .env.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidInputError("file", f"{path} is not a text file in UTF-8.")
    return text


def _user(email: str | None) -> User:
    user = accounts.find(email) if email else accounts.first_administrator()
    if user is None:
        reason = f"There is no user {email}." if email else "There is no administrator yet."
        raise InvalidInputError("user", reason)
    return user


def _summary(lines: list[Line], *, dry_run: bool) -> str:
    counts = Counter(line.became for line in lines if line.name.startswith("SERVICE_URL_"))
    others = Counter(line.became for line in lines)
    parts = [
        f"services {'to import' if dry_run else 'imported'}: {counts[Became.IMPORTED]}",
        f"there already: {counts[Became.PRESENT]}",
        f"settings to set: {others[Became.SET]}",
        f"lines refused: {others[Became.REFUSED]}",
        f"ignored: {others[Became.IGNORED]}",
    ]
    summary = "\n" + "; ".join(parts).capitalize() + "."
    if counts[Became.IMPORTED] and not dry_run:
        summary += "\nThe new services alert no channel yet: choose them on the channel's page."
    return summary
