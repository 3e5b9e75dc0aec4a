"""Passwords: changed by whoever knows them or has a link (services/passwords.py)."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from sentinelweb.models import User
from sentinelweb.services import accounts, administration, passwords, sessions
from sentinelweb.services.errors import BusyError, InvalidInputError
from sentinelweb.services.passwords import BadResetLinkError
from tests.conftest import Clock
from tests.support.factories import PASSWORD
from tests.support.parallel import together
from tests.support.stack import wait_until

NEW = "a quite different password"


def token_of(user: User) -> str:
    return passwords.reset_link(user, "http://localhost").rpartition("/")[2]


class TestChange:
    def test_it_replaces_the_password_and_ends_sessions_and_links(self, user: User) -> None:
        session_id, token = user.get_id(), token_of(user)

        passwords.change(user, PASSWORD, NEW)

        assert accounts.authenticate(user.email, NEW) == user
        assert accounts.authenticate(user.email, PASSWORD) is None
        assert sessions.user_of(session_id, "") is None
        with pytest.raises(BadResetLinkError):
            passwords.user_of_reset_token(token)

    def test_the_current_password_must_be_known(self, user: User) -> None:
        with pytest.raises(InvalidInputError) as refusal:
            passwords.change(user, "wrong password", NEW)
        assert refusal.value.field == "current_password"
        assert accounts.authenticate(user.email, PASSWORD) == user

    def test_the_new_one_must_be_acceptable(self, user: User) -> None:
        with pytest.raises(InvalidInputError) as refusal:
            passwords.change(user, PASSWORD, "short")
        assert refusal.value.field == "password"

    def test_of_two_changes_at_once_one_is_made(self, app: Flask, user: User) -> None:
        user_id = user.id

        def change(new: str) -> str:
            try:
                mine = accounts.get(user_id)
                assert mine is not None
                passwords.change(mine, PASSWORD, new)
            except InvalidInputError:
                return ""
            return new

        results = together(app, [lambda n=n: change(f"{NEW} {n}") for n in range(4)])

        made = [new for new in results if new]
        assert len(made) == 1
        assert accounts.authenticate(user.email, made[0]) == user


@pytest.mark.usefixtures("app")
class TestResetLink:
    def test_it_gives_a_new_password_once(self, user: User) -> None:
        token = token_of(user)
        assert passwords.user_of_reset_token(token) == user

        passwords.reset(token, NEW)

        assert accounts.authenticate(user.email, NEW) == user
        with pytest.raises(BadResetLinkError):
            passwords.reset(token, "yet another password")

    def test_used_twice_at_once_it_works_once(self, app: Flask, user: User) -> None:
        token = token_of(user)

        def reset(new: str) -> str:
            try:
                passwords.reset(token, new)
            except BadResetLinkError:
                return ""
            return new

        results = together(app, [lambda n=n: reset(f"{NEW} {n}") for n in range(4)])

        made = [new for new in results if new]
        assert len(made) == 1
        assert accounts.authenticate(user.email, made[0]) == user

    def test_a_refused_password_does_not_use_it_up(self, user: User) -> None:
        token = token_of(user)

        with pytest.raises(InvalidInputError):
            passwords.reset(token, "short")

        passwords.reset(token, NEW)

    def test_it_works_for_two_hours(self, user: User, clock: Clock) -> None:
        token = token_of(user)
        clock.advance(hours=2)
        assert passwords.user_of_reset_token(token) == user

        clock.advance(seconds=1)
        with pytest.raises(BadResetLinkError):
            passwords.user_of_reset_token(token)

    def test_it_dies_with_its_user(self, user: User, other_user: User) -> None:
        other_user.is_admin = True
        token = token_of(user)

        administration.delete(user, by=other_user)

        with pytest.raises(BadResetLinkError):
            passwords.user_of_reset_token(token)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "\0", "x" * 100_000])
    def test_a_forged_one_is_refused(self, token: str) -> None:
        with pytest.raises(BadResetLinkError):
            passwords.user_of_reset_token(token)

    def test_what_was_signed_for_another_purpose_is_refused(self, user: User) -> None:
        other = URLSafeTimedSerializer("tests", salt="something-else")

        with pytest.raises(BadResetLinkError):
            passwords.user_of_reset_token(other.dumps([user.id, user.session_nonce]))


def test_a_flood_of_guesses_holds_few_threads(user: User) -> None:
    stored = user.password_hash
    passwords.verify(None, "")  # what every first look-up of nobody's hash takes is there now
    with ThreadPoolExecutor(24) as flood, contextlib.ExitStack() as slow:
        while passwords._hashing.acquire(blocking=False):
            slow.callback(passwords._hashing.release)
        guesses = [flood.submit(passwords.verify, stored, "wrong password") for _ in range(24)]
        wait_until(lambda: sum(guess.done() for guess in guesses) == 24 - passwords.ADMITTED, 60)
        slow.close()
    refused = [guess for guess in guesses if isinstance(guess.exception(), BusyError)]
    assert len(refused) == 24 - passwords.ADMITTED
    assert not any(guess.result() for guess in guesses if guess not in refused)
    assert passwords.verify(stored, PASSWORD)
