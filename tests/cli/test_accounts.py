"""`flask setup` and `flask user …` (cli/accounts.py)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from config import Settings
from sentinelweb.db import db
from sentinelweb.models import User
from sentinelweb.services import accounts, invitations, passwords
from tests.support.factories import PASSWORD
from tests.support.mailbox import Mailbox

ROOT = Path(__file__).parents[2]


def run(app: Flask, *arguments: str, answers: str | None = None) -> Result:
    db.session.commit()
    result = app.test_cli_runner().invoke(args=arguments, input=answers)
    db.session.expire_all()
    return result


def users() -> list[User]:
    return list(db.session.scalars(sa.select(User).order_by(User.id)))


class TestSetup:
    @pytest.mark.settings(admin_email="admin@example.com", admin_password=PASSWORD)
    def test_it_makes_the_administrator_of_the_settings_once(self, app: Flask) -> None:
        first, second = run(app, "setup"), run(app, "setup")

        assert first.output == "Made the administrator admin@example.com.\n"
        assert (second.exit_code, second.output) == (0, "")
        (user,) = users()
        assert user.is_admin
        assert accounts.authenticate("admin@example.com", PASSWORD) == user

    def test_without_the_settings_it_does_nothing(self, app: Flask) -> None:
        result = run(app, "setup")

        assert (result.exit_code, result.output) == (0, "")
        assert users() == []

    @pytest.mark.settings(admin_email="admin@example.com", admin_password="short")
    def test_a_setting_that_cannot_be_used_is_named(self, app: Flask) -> None:
        result = run(app, "setup")

        assert result.exit_code == 1
        assert result.output == "Error: ADMIN_PASSWORD: Use at least 10 characters.\n"

    def test_a_database_without_tables_is_said_in_a_sentence(self, tmp_path: Path) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path),
            "ADMIN_EMAIL": "admin@example.com",
            "ADMIN_PASSWORD": PASSWORD,
        }
        result = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", "setup"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )

        assert result.returncode == 1
        assert "Error: The database answered: no such table: users" in result.stderr
        assert "flask db upgrade" in result.stderr
        assert "Traceback" not in result.stderr


class TestCreate:
    def test_it_asks_for_the_password(self, app: Flask, admin: User) -> None:
        result = run(
            app,
            *("user", "create", "User@Example.com", "--name", "Night shift"),
            answers=f"{PASSWORD}\n{PASSWORD}\n",
        )

        assert result.exit_code == 0, result.output
        assert "Created the user user@example.com." in result.output
        assert PASSWORD not in result.output
        assert (users()[1].name, users()[1].is_admin) == ("Night shift", False)
        assert accounts.authenticate("user@example.com", PASSWORD) == users()[1]

    def test_it_makes_a_password_when_asked_to(self, app: Flask, admin: User) -> None:
        result = run(app, "user", "create", "user@example.com", "--admin", "--make-password")

        assert "Created the administrator user@example.com." in result.output
        password = re.search(r"^Password: (\S{20,})$", result.output, re.MULTILINE)
        assert password
        assert accounts.authenticate("user@example.com", password[1]) == users()[1]
        assert users()[1].is_admin

    def test_the_first_user_is_an_administrator(self, app: Flask) -> None:
        result = run(app, "user", "create", "user@example.com", "--make-password")

        assert "Created the administrator user@example.com." in result.output

    def test_what_is_no_address_is_said_before_the_password_is_asked_for(self, app: Flask) -> None:
        result = run(app, "user", "create", "user")

        assert (result.exit_code, result.output) == (1, "Error: This is not an e-mail address.\n")

    @pytest.mark.parametrize(
        ("arguments", "password", "reason"),
        [
            (["new@example.com"], "short", "Use at least 10 characters."),
            (["new@example.com", "--name", "x" * 101], PASSWORD, "Use at most 100 characters."),
            (["USER@example.com"], PASSWORD, "This e-mail address has an account already."),
        ],
    )
    def test_what_is_wrong_ends_with_status_1(
        self, app: Flask, user: User, arguments: list[str], password: str, reason: str
    ) -> None:
        result = run(app, "user", "create", *arguments, answers=f"{password}\n" * 2)

        assert result.exit_code == 1
        assert f"Error: {reason}\n" in result.output
        assert users() == [user]


def test_users_are_listed(app: Flask, admin: User, user: User) -> None:
    accounts.note_login(user)

    lines = run(app, "user", "list").output.splitlines()

    assert lines[0] == "admin@example.com  administrator  admin  last login: never"
    assert re.fullmatch(
        r"user@example\.com  user  user  last login: \d{4}-\d\d-\d\d \d\d:\d\d\+00:00", lines[1]
    )


class TestInvite:
    def test_it_prints_the_link(self, app: Flask, settings: Settings, admin: User) -> None:
        result = run(app, "user", "invite", "New@example.com")

        link = result.output.strip()
        assert link.startswith(f"http://localhost:{settings.port}/invitation/")
        invitation = invitations.of_token(link.rpartition("/")[2])
        assert (invitation.email, invitation.invited_by) == ("new@example.com", None)

    def test_it_mails_the_link_where_it_can(self, app: Flask, mailbox: Mailbox) -> None:
        result = run(app, "user", "invite", "new@example.com")

        assert "Mailed." in result.stderr
        assert result.stdout.strip() in mailbox.next().get_content()

    def test_it_says_when_it_could_not_mail(self, app: Flask, mailbox: Mailbox) -> None:
        mailbox.refusal = "554 No"

        result = run(app, "user", "invite", "new@example.com")

        assert result.exit_code == 0
        assert "/invitation/" in result.stdout
        assert "The mail could not be sent." in result.stderr

    @pytest.mark.parametrize(
        ("email", "reason"),
        [
            ("user@example.com", "This e-mail address has an account already."),
            ("user", "This is not an e-mail address."),
        ],
    )
    def test_what_is_wrong_ends_with_status_1(
        self, app: Flask, user: User, email: str, reason: str
    ) -> None:
        result = run(app, "user", "invite", email)

        assert (result.exit_code, result.output) == (1, f"Error: {reason}\n")


class TestResetLink:
    @pytest.mark.settings(site_url="https://sentinelweb.example.com/")
    def test_it_prints_a_link_of_site_url(self, app: Flask, user: User) -> None:
        result = run(app, "user", "reset-link", "USER@example.com")

        link = result.output.strip()
        assert link.startswith("https://sentinelweb.example.com/reset-password/")
        assert passwords.user_of_reset_token(link.rpartition("/")[2]) == user

    @pytest.mark.parametrize("email", ["nobody@example.com", "nobody"])
    def test_an_unknown_user_ends_with_status_1(self, app: Flask, email: str) -> None:
        result = run(app, "user", "reset-link", email)

        assert (result.exit_code, result.output) == (1, f"Error: There is no user {email}.\n")
