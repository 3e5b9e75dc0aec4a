"""The mails about accounts (services/account_mails.py)."""

from __future__ import annotations

import pytest
from flask import Flask

from sentinelweb import i18n
from sentinelweb.models import Membership, Role, User
from sentinelweb.services import account_mails, invitations, members, passwords, teams
from tests.support.mailbox import Mailbox, finish_background_mail

BASE = "https://sentinelweb.example.com"


def link_in(text: str) -> str:
    (link,) = (word for word in text.split() if word.startswith("http"))
    return link


def test_an_invitation_carries_its_link(admin: User, mailbox: Mailbox) -> None:
    invitation = invitations.invite("new@example.com", by=admin)

    assert account_mails.send_invitation(invitation, BASE)

    message = mailbox.next()
    assert (message["To"], message["Subject"]) == (
        "new@example.com", "Your invitation to SentinelWeb",
    )  # fmt: skip
    link = link_in(message.get_content())
    assert link.startswith(f"{BASE}/invitation/")
    assert invitations.of_token(link.rpartition("/")[2]) == invitation


def test_whoever_is_added_to_a_team_is_told(user: User, other_user: User, mailbox: Mailbox) -> None:
    team = teams.create(user, "Night shift")
    member = members.add(team.id, other_user.email, Role.VIEWER, by=user)
    assert isinstance(member, Membership)

    account_mails.tell_added(member, user)

    finish_background_mail()
    message = mailbox.next()
    assert (message["To"], message["Subject"]) == (
        other_user.email, "You are in the team “Night shift”",
    )  # fmt: skip
    text = message.get_content()
    assert f"{user.name} added you" in text
    assert link_in(text).endswith("/teams")


def test_a_reset_link_resets(user: User, mailbox: Mailbox) -> None:
    assert account_mails.send_reset_link(user, BASE)

    message = mailbox.next()
    assert message["To"] == user.email
    link = link_in(message.get_content())
    assert link.startswith(f"{BASE}/reset-password/")
    assert passwords.user_of_reset_token(link.rpartition("/")[2]) == user


def test_a_reset_link_is_written_in_the_users_language(
    user: User, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        account_mails, "_", lambda text, **_values: f"{i18n.reader().locale}: {text}"
    )
    user.locale = "pt_BR"

    with i18n.reading_as(i18n.Reader("es")):
        account_mails.send_reset_link(user, BASE)

    assert mailbox.next()["Subject"].startswith("pt_BR: ")


def test_a_reset_is_offered_to_whoever_has_an_account(user: User, mailbox: Mailbox) -> None:
    account_mails.offer_reset("nobody@example.com")
    account_mails.offer_reset("USER@example.com")

    message = mailbox.next()
    assert message["To"] == user.email
    assert mailbox.is_empty


@pytest.mark.settings(site_url="https://sentinelweb.example.com")
def test_an_offered_link_leads_to_site_url(user: User, mailbox: Mailbox) -> None:
    account_mails.offer_reset(user.email)

    assert link_in(mailbox.next().get_content()).startswith(f"{BASE}/reset-password/")


def test_without_site_url_it_leads_to_this_machine_and_not_where_a_request_says(
    app: Flask, user: User, mailbox: Mailbox
) -> None:
    with app.test_request_context(headers={"Host": "example.org"}):
        account_mails.offer_reset(user.email)

    assert link_in(mailbox.next().get_content()).startswith("http://localhost:8000/")
