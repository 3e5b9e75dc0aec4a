"""Users: made once, known again, changed (services/accounts.py)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask

from config import ConfigurationError, Settings
from sentinelweb.db import db
from sentinelweb.models import Membership, Role, Team, User
from sentinelweb.services import accounts
from sentinelweb.services.accounts import AlreadySetUpError, Newcomer
from sentinelweb.services.errors import InvalidInputError
from tests.support.databases import settings_for_tests
from tests.support.factories import PASSWORD, team_of
from tests.support.parallel import together

pytestmark = pytest.mark.usefixtures("app")


def users() -> list[User]:
    return list(db.session.scalars(sa.select(User).order_by(User.id)))


def attempt(newcomer: Newcomer, make: Callable[[Newcomer], User]) -> str:
    try:
        return make(newcomer).email
    except (AlreadySetUpError, InvalidInputError) as error:
        return type(error).__name__


def test_a_new_user_owns_a_personal_team() -> None:
    user = accounts.create(Newcomer("user@example.com", PASSWORD, name="Operations"))

    membership = db.session.scalars(sa.select(Membership)).one()
    assert (membership.user, membership.role) == (user, Role.OWNER)
    assert membership.team.is_personal
    assert membership.team.name == user.name == "Operations"


def test_a_user_without_a_name_is_called_by_the_address() -> None:
    assert accounts.create(Newcomer("user@example.com", PASSWORD, name="  ")).name == "user"


def test_the_password_is_kept_as_an_argon2_hash_alone() -> None:
    user = accounts.create(Newcomer("user@example.com", PASSWORD))

    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in repr(Newcomer("user@example.com", PASSWORD))


def test_addresses_are_one_whatever_their_case() -> None:
    accounts.create(Newcomer(" User@EXAMPLE.com ", PASSWORD))

    assert users()[0].email == "user@example.com"
    assert accounts.find("USER@example.COM") == users()[0]
    with pytest.raises(InvalidInputError, match="account already") as refusal:
        accounts.create(Newcomer("uSER@example.com", PASSWORD))
    assert refusal.value.field == "email"


def test_an_address_of_a_local_network_is_accepted() -> None:
    assert accounts.normalize_email("backup@monitor") == "backup@monitor"
    assert accounts.normalize_email("backup@nas.local") == "backup@nas.local"
    assert accounts.normalize_email("root@localhost") == "root@localhost"


@pytest.mark.parametrize(
    "email",
    ["", " ", "user", "user@", "@example.com", "a b@example.com", "user@example.com\0", "\0",
     "user@exa\nmple.com", "user@-example.com", "x" * 100_000, f"{'x' * 300}@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidInputError, match="not an e-mail address") as refusal:
        accounts.create(Newcomer(email, PASSWORD))
    assert refusal.value.field == "email"


@pytest.mark.parametrize("name", ["nul\0byte", "two\nlines", "x" * 101])
def test_a_name_that_cannot_be_shown_or_stored_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        accounts.create(Newcomer("user@example.com", PASSWORD, name=name))
    assert refusal.value.field == "name"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "at least 10 characters"),
        ("nine char", "at least 10 characters"),
        ("é" * 501, "at most 1000 bytes"),
        ("User@Example.com", "not your e-mail"),
    ],
)
def test_a_password_that_is_too_weak_or_too_long_is_refused(password: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        accounts.create(Newcomer("user@example.com", password))
    assert refusal.value.field == "password"
    assert users() == []


def test_a_password_of_1000_bytes_with_a_nul_in_it_works() -> None:
    password = "\0" + "é" * 499

    accounts.create(Newcomer("user@example.com", password))

    assert accounts.authenticate("user@example.com", password)
    assert not accounts.authenticate("user@example.com", password[:-1])


def test_the_first_user_is_an_administrator_in_any_case() -> None:
    assert accounts.create(Newcomer("first@example.com", PASSWORD)).is_admin
    assert not accounts.create(Newcomer("second@example.com", PASSWORD)).is_admin
    assert accounts.create(Newcomer("third@example.com", PASSWORD), is_admin=True).is_admin


def test_the_first_administrator_is_made_once() -> None:
    assert not accounts.is_set_up()
    assert accounts.create_first_administrator(Newcomer("admin@example.com", PASSWORD)).is_admin
    assert accounts.is_set_up()
    with pytest.raises(AlreadySetUpError):
        accounts.create_first_administrator(Newcomer("late@example.com", PASSWORD))


def test_of_many_who_set_up_at_once_one_becomes_the_administrator(app: Flask) -> None:
    newcomers = [Newcomer(f"admin{n}@example.com", PASSWORD) for n in range(6)]

    results = together(
        app,
        [
            lambda newcomer=newcomer: attempt(newcomer, accounts.create_first_administrator)
            for newcomer in newcomers
        ],
    )

    assert len(users()) == 1
    assert sorted(results) == sorted([users()[0].email] + ["AlreadySetUpError"] * 5)


def test_of_two_who_register_one_address_at_once_one_is_told_it_is_taken(app: Flask) -> None:
    results = together(
        app,
        [
            lambda email=email: attempt(Newcomer(email, PASSWORD), accounts.create)
            for email in ("user@example.com", "User@Example.com")
        ],
    )

    assert sorted(results) == ["InvalidInputError", "user@example.com"]
    assert len(users()) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Team)) == 1


class TestEnsureFirstAdministrator:
    def settings(self, app: Flask, **values: str) -> Settings:
        return settings_for_tests(app.config["SETTINGS"].data_dir, **values)

    def test_it_makes_the_administrator_of_the_settings(self, app: Flask) -> None:
        settings = self.settings(app, admin_email="Admin@example.com", admin_password=PASSWORD)

        user = accounts.ensure_first_administrator(settings)

        assert user is not None
        assert (user.email, user.is_admin) == ("admin@example.com", True)
        assert accounts.ensure_first_administrator(settings) is None

    def test_it_leaves_existing_users_alone(self, app: Flask, user: User) -> None:
        settings = self.settings(app, admin_email="admin@example.com", admin_password=PASSWORD)

        assert accounts.ensure_first_administrator(settings) is None
        assert users() == [user]

    def test_it_does_nothing_without_the_settings(self, app: Flask) -> None:
        assert accounts.ensure_first_administrator(self.settings(app)) is None
        assert users() == []

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"admin_email": "admin@example.com"}, "set together"),
            ({"admin_password": PASSWORD}, "set together"),
            ({"admin_email": "admin", "admin_password": PASSWORD}, "ADMIN_EMAIL: This is not"),
            ({"admin_email": "a@example.com", "admin_password": "x"}, "ADMIN_PASSWORD: Use at"),
        ],
    )
    def test_settings_that_cannot_be_used_are_named(
        self, app: Flask, values: dict[str, str], reason: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=reason):
            accounts.ensure_first_administrator(self.settings(app, **values))

    def test_many_machines_may_start_at_once(self, app: Flask) -> None:
        settings = self.settings(app, admin_email="admin@example.com", admin_password=PASSWORD)

        made = together(app, [lambda: accounts.ensure_first_administrator(settings)] * 4)

        assert sum(user is not None for user in made) == 1
        assert len(users()) == 1


class TestAuthenticate:
    def test_the_right_password_gives_the_user(self, user: User) -> None:
        assert accounts.authenticate(" USER@example.com", PASSWORD) == user

    @pytest.mark.usefixtures("user")
    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("user@example.com", "wrong password"),
            ("user@example.com", ""),
            ("user@example.com", PASSWORD + "\0"),
            ("user@example.com", "x" * 500_000),
            ("nobody@example.com", PASSWORD),
            ("", ""),
            ("user@example.com\0", PASSWORD),
            ("x" * 500_000, PASSWORD),
        ],
    )
    def test_anything_else_gives_nobody(self, email: str, password: str) -> None:
        assert accounts.authenticate(email, password) is None

    def test_a_hash_with_old_parameters_is_replaced(self, user: User) -> None:
        nonce = user.session_nonce
        assert PasswordHasher().check_needs_rehash(user.password_hash)

        accounts.authenticate(user.email, PASSWORD)

        assert not PasswordHasher().check_needs_rehash(user.password_hash)
        assert user.session_nonce == nonce
        assert accounts.authenticate(user.email, PASSWORD) == user

    def test_a_login_takes_as_long_for_an_unknown_address(self) -> None:
        accounts.create(Newcomer("user@example.com", PASSWORD))

        def seconds(email: str) -> float:
            began = time.process_time()  # of the processor: others may keep the machine busy
            assert accounts.authenticate(email, "wrong password") is None
            return time.process_time() - began

        pairs = [(seconds("user@example.com"), seconds("nobody@example.com")) for _ in range(8)]
        known, unknown = (min(times) for times in zip(*pairs, strict=True))
        assert 0.5 < known / unknown < 2


class TestProfile:
    def test_name_language_and_time_zone_are_kept_and_the_team_is_renamed(
        self, user: User, other_user: User
    ) -> None:
        accounts.update_profile(
            user, name=" Night shift ", locale="pt_BR", timezone="America/Sao_Paulo"
        )

        db.session.expire_all()
        assert (user.name, user.locale, user.timezone) == (
            "Night shift", "pt_BR", "America/Sao_Paulo",
        )  # fmt: skip
        assert team_of(user).name == "Night shift"
        assert team_of(other_user).name == "other"

    def test_no_choice_stands_for_the_browsers_and_the_servers(self, user: User) -> None:
        accounts.update_profile(user, name="", locale=None, timezone=None)

        assert (user.name, user.locale, user.timezone) == ("user", None, None)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("locale", "xx"),
            ("locale", "\0"),
            ("timezone", "Mars/Olympus"),
            ("timezone", "../../etc/passwd"),
            ("timezone", "x" * 10_000),
            ("name", "x" * 101),
            ("name", "\0"),
        ],
    )
    def test_what_is_not_in_the_lists_is_refused(self, user: User, field: str, value: str) -> None:
        values = {"name": "user", "locale": None, "timezone": None, field: value}

        with pytest.raises(InvalidInputError) as refusal:
            accounts.update_profile(user, **values)
        assert refusal.value.field == field
