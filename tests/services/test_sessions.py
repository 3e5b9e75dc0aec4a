"""Whose a session is, and that what was ended stays ended."""

from __future__ import annotations

import pytest
from flask import Flask

from sentinelweb.models import User
from sentinelweb.services import passwords, sessions
from tests.support.parallel import together


def test_a_session_names_its_user(user: User) -> None:
    assert sessions.user_of(user.get_id(), sessions.new_id()) == user


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    "user_key",
    ["", ".", "1", "1.", "x.y", "-1.x", "1.é", "٣.x", f"{2**31}.x", f"{'9' * 99}.x"],
)
def test_what_names_no_user_gives_nobody(user_key: str) -> None:
    assert sessions.user_of(user_key, sessions.new_id()) is None


def test_an_ended_session_gives_nobody_and_others_go_on(user: User) -> None:
    ended, other = sessions.new_id(), sessions.new_id()

    sessions.end(ended)

    assert sessions.user_of(user.get_id(), ended) is None
    assert sessions.user_of(user.get_id(), other) == user


def test_one_that_is_ended_twice_at_once_is_ended(app: Flask, user: User) -> None:
    session_id = sessions.new_id()

    together(app, [lambda: sessions.end(session_id)] * 3)

    assert sessions.user_of(user.get_id(), session_id) is None


def test_all_of_a_user_are_ended_with_their_reset_links(user: User) -> None:
    user_key, session_id = user.get_id(), sessions.new_id()
    link = passwords.reset_link(user, "")

    sessions.end_all(user)

    assert sessions.user_of(user_key, session_id) is None
    assert sessions.user_of(user.get_id(), session_id) == user
    with pytest.raises(passwords.BadResetLinkError):
        passwords.user_of_reset_token(link.rpartition("/")[2])
