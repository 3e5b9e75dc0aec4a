"""Invitations: one account each, for seven days (services/invitations.py)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import Invitation, User
from sentinelweb.services import accounts, invitations
from sentinelweb.services.accounts import Newcomer
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.invitations import BadInvitationError
from tests.conftest import Clock
from tests.support.factories import PASSWORD
from tests.support.parallel import together

EMAIL = "invited@example.com"


def token_of(invitation: Invitation) -> str:
    return invitations.link(invitation, "http://localhost").rpartition("/")[2]


def accept(token: str) -> User:
    return invitations.accept(token, Newcomer("ignored@example.com", PASSWORD))


def test_the_invited_person_gets_an_account_of_that_address(admin: User) -> None:
    invitation = invitations.invite(" Invited@Example.com", by=admin)
    assert (invitation.email, invitation.invited_by) == (EMAIL, admin)

    user = accept(token_of(invitation))

    assert (user.email, user.is_admin) == (EMAIL, False)
    assert accounts.authenticate(EMAIL, PASSWORD) == user
    assert invitations.pending() == []


def test_the_link_works_once(admin: User) -> None:
    token = token_of(invitations.invite(EMAIL, by=admin))
    accept(token)

    with pytest.raises(BadInvitationError):
        accept(token)


def test_accepted_twice_at_once_it_makes_one_account(app: Flask, admin: User) -> None:
    token = token_of(invitations.invite(EMAIL, by=admin))

    def attempt() -> bool:
        try:
            accept(token)
        except BadInvitationError:
            return False
        return True

    assert sorted(together(app, [attempt] * 4)) == [False, False, False, True]
    assert db.session.scalar(sa.select(sa.func.count()).where(User.email == EMAIL)) == 1


def test_a_refused_password_does_not_use_it_up(admin: User) -> None:
    token = token_of(invitations.invite(EMAIL, by=admin))

    with pytest.raises(InvalidInputError):
        invitations.accept(token, Newcomer(EMAIL, "short"))

    assert accept(token).email == EMAIL


def test_it_works_for_seven_days(admin: User, clock: Clock) -> None:
    invitation = invitations.invite(EMAIL, by=admin)
    clock.advance(days=7, seconds=-1)
    assert invitations.of_token(token_of(invitation)) == invitation

    clock.advance(seconds=1)
    with pytest.raises(BadInvitationError):
        accept(token_of(invitation))
    assert invitations.pending() == [invitation]


def test_a_new_one_replaces_the_old(admin: User, clock: Clock) -> None:
    old = token_of(invitations.invite(EMAIL, by=admin))
    clock.advance(seconds=1)
    new = invitations.invite(EMAIL, by=admin)

    assert invitations.pending() == [new]
    with pytest.raises(BadInvitationError):
        invitations.of_token(old)
    assert accept(token_of(new)).email == EMAIL


def test_a_withdrawn_one_is_dead_even_if_its_number_is_given_again(
    admin: User, clock: Clock
) -> None:
    withdrawn = invitations.invite(EMAIL, by=admin)
    token = token_of(withdrawn)
    invitations.withdraw(withdrawn.id)
    clock.advance(seconds=1)
    invitations.invite("another@example.com", by=admin)

    with pytest.raises(BadInvitationError):
        invitations.of_token(token)


def test_whoever_has_an_account_is_not_invited(admin: User, user: User) -> None:
    with pytest.raises(InvalidInputError, match="account already") as refusal:
        invitations.invite("USER@example.com", by=admin)
    assert refusal.value.field == "email"


def test_an_address_that_registered_meanwhile_is_told_so(admin: User) -> None:
    token = token_of(invitations.invite(EMAIL, by=admin))
    accounts.create(Newcomer(EMAIL, PASSWORD))

    with pytest.raises(InvalidInputError, match="account already"):
        accept(token)


@pytest.mark.parametrize("token", ["", "x", "a.b", "\0", "x" * 100_000])
def test_a_forged_link_is_refused(app: Flask, token: str) -> None:
    with pytest.raises(BadInvitationError):
        invitations.of_token(token)


def test_withdrawing_what_is_accepted_or_unknown_changes_nothing(admin: User) -> None:
    invitation = invitations.invite(EMAIL, by=admin)
    accept(token_of(invitation))

    invitations.withdraw(invitation.id)
    invitations.withdraw(999_999)

    assert db.session.scalars(sa.select(Invitation)).one() == invitation
