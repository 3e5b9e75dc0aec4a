"""`flask setup` and `flask user …`: accounts without a browser."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.exc import DBAPIError

from config import ConfigurationError
from sentinelweb.extensions import settings
from sentinelweb.models import User
from sentinelweb.services import (
    account_mails,
    accounts,
    administration,
    environment,
    invitations,
    passwords,
)
from sentinelweb.services.accounts import Newcomer
from sentinelweb.services.errors import InvalidInputError

P = ParamSpec("P")
R = TypeVar("R")

user_group = AppGroup("user", help="Create, list, invite and help users.")


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """End with a sentence and status 1 where a traceback would tell an operator nothing."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (InvalidInputError, ConfigurationError) as error:
            raise click.ClickException(str(error)) from error
        except DBAPIError as error:
            hint = "Is it running, and was `flask db upgrade` run?"
            raise click.ClickException(f"The database answered: {error.orig}. {hint}") from error

    return guarded


@click.command("setup")
@with_appcontext
@plain_errors
def setup() -> None:
    """Make the administrator of ADMIN_EMAIL and ADMIN_PASSWORD, unless a user exists."""
    user = accounts.ensure_first_administrator(settings())
    if user is not None:
        environment.apply(settings())
        click.echo(f"Made the administrator {user.email}.")


@user_group.command()
@click.argument("email")
@click.option("--name", default="", help="What the user is called; else the part before the @.")
@click.option("--admin", is_flag=True, help="An administrator. The first user is one anyway.")
@click.option("--make-password", is_flag=True, help="Make a password and print it; ask for none.")
@plain_errors
def create(email: str, name: str, *, admin: bool, make_password: bool) -> None:
    """Create the user EMAIL, after asking for a password."""
    email = accounts.normalize_email(email)  # said before a password is asked for
    password = (
        secrets.token_urlsafe(15)
        if make_password
        else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    user = accounts.create(Newcomer(email, password, name=name), is_admin=admin)
    if user.is_admin:
        environment.apply(settings())
    kind = "administrator" if user.is_admin else "user"
    click.echo(f"Created the {kind} {user.email}.")
    if make_password:
        click.echo(f"Password: {password}")


@user_group.command("list")
@plain_errors
def list_users() -> None:
    """List all users."""
    for user in administration.everybody():
        kind = "administrator" if user.is_admin else "user"
        last = user.last_login_at.isoformat(" ", "minutes") if user.last_login_at else "never"
        click.echo(f"{user.email}  {kind}  {user.name}  last login: {last}")


@user_group.command()
@click.argument("email")
@plain_errors
def invite(email: str) -> None:
    """Invite EMAIL: print the link, and mail it where SMTP_URL is set."""
    invitation = invitations.invite(email, by=None)
    base_url = settings().local_url
    click.echo(invitations.link(invitation, base_url))
    if settings().smtp_url:
        mailed = account_mails.send_invitation(invitation, base_url)
        click.echo("Mailed." if mailed else "The mail could not be sent.", err=True)


@user_group.command("reset-link")
@click.argument("email")
@plain_errors
def reset_link(email: str) -> None:
    """Print a link with which EMAIL can choose a new password once within two hours."""
    click.echo(passwords.reset_link(_user(email), settings().local_url))


def _user(email: str) -> User:
    user = accounts.find(email)
    if user is None:
        raise InvalidInputError("email", f"There is no user {email}.")
    return user
