"""What administrators do for others (blueprints/users.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, User
from sentinelweb.services import accounts, invitations, passwords
from tests.conftest import Clock
from tests.support.checked_client import CheckedClient
from tests.support.databases import both_databases
from tests.support.mailbox import Mailbox

Login = Callable[[CheckedClient, User], None]
MakeUser = Callable[..., User]


def emails() -> list[str]:
    return list(db.session.scalars(sa.select(User.email).order_by(User.id)))


@pytest.fixture
def browser(client: CheckedClient, admin: User, login: Login) -> CheckedClient:
    """The administrator's."""
    login(client, admin)
    return client


PAGES = ["/users", "/users/1/reset-link", "/users/1/delete"]
ACTIONS = [
    "/users/invite",
    "/users/invitations/1/withdraw",
    "/users/1/reset-link",
    "/users/1/promote",
    "/users/1/demote",
    "/users/1/delete",
]


class TestWhoMayOpenThem:
    @pytest.mark.parametrize("path", PAGES)
    def test_visitors_are_led_to_the_login(
        self, client: CheckedClient, admin: User, path: str
    ) -> None:
        response = client.get(path)

        assert response.status_code == 303
        assert response.location.startswith("/login?next=")

    @pytest.mark.parametrize("path", PAGES)
    def test_ordinary_users_are_refused(
        self, client: CheckedClient, user: User, login: Login, path: str
    ) -> None:
        login(client, user)

        assert client.get(path).status_code == 403

    @pytest.mark.parametrize("path", ACTIONS)
    def test_ordinary_users_can_do_nothing_either(
        self, client: CheckedClient, admin: User, user: User, login: Login, path: str
    ) -> None:
        login(client, user)
        client.get("/account")
        token = client.form("profile").query_one("[name=csrf_token]").attrs["value"]

        response = client.post(path, data={"csrf_token": token, "email": "new@example.com"})

        assert response.status_code == 403
        assert emails() == [admin.email, user.email]
        assert invitations.pending() == []
        assert admin.is_admin
        assert not user.is_admin

    @pytest.mark.parametrize("path", ACTIONS)
    def test_a_form_without_its_token_does_nothing(
        self, browser: CheckedClient, admin: User, path: str
    ) -> None:
        assert browser.post(path, data={"email": "new@example.com"}).status_code == 400
        assert emails() == [admin.email]
        assert invitations.pending() == []

    @pytest.mark.parametrize("user_id", ["999999", str(2**31), str(2**63), "9" * 5_000])
    @pytest.mark.parametrize("page", ["reset-link", "delete"])
    def test_an_unknown_user_is_not_found(
        self, browser: CheckedClient, user_id: str, page: str
    ) -> None:
        assert browser.get(f"/users/{user_id}/{page}").status_code == 404


def test_everybody_is_listed(browser: CheckedClient, user: User) -> None:
    assert browser.get("/users").status_code == 200

    text = browser.text("main")
    assert "2 users" in text
    assert "admin@example.com" in text
    assert "user@example.com" in text


def test_a_name_is_shown_as_it_is_written(browser: CheckedClient, make_user: MakeUser) -> None:
    make_user("user@example.com", name="<script>alert(1)</script> & co")

    browser.get("/users")

    assert "<script>alert(1)</script> & co" in browser.text(".users")


class TestInvite:
    def invite(self, browser: CheckedClient, email: str) -> int:
        browser.get("/users")
        status = browser.submit("invite", {"email": email}).status_code
        if status == 303:
            browser.get("/users")
        return status

    def test_the_link_is_shown(self, browser: CheckedClient, admin: User) -> None:
        assert self.invite(browser, "New@example.com") == 303

        (invitation,) = invitations.pending()
        assert (invitation.email, invitation.invited_by) == ("new@example.com", admin)
        assert invitations.link(invitation, "http://localhost") in browser.text("main")
        assert "Send the link below to new@example.com." in browser.text(".messages")

    @pytest.mark.settings(site_url="https://sentinelweb.example.com")
    def test_the_link_leads_to_site_url(
        self, client: CheckedClient, browser: CheckedClient
    ) -> None:
        browser.get("/users", base_url="https://localhost")
        # A cookie that is Secure is sent by https alone.
        browser.submit(
            "invite", {"email": "new@example.com"},
            base_url="https://localhost", headers={"Referer": "https://localhost/users"},
        )  # fmt: skip
        browser.get("/users", base_url="https://localhost")

        assert "https://sentinelweb.example.com/invitation/" in browser.text("main")

    def test_it_is_mailed_where_it_can_be(self, browser: CheckedClient, mailbox: Mailbox) -> None:
        self.invite(browser, "new@example.com")

        assert "went to new@example.com" in browser.text(".messages")
        (invitation,) = invitations.pending()
        link = invitations.link(invitation, "http://localhost")
        assert link in mailbox.next().get_content()

    def test_a_mail_that_could_not_be_sent_is_said(
        self, browser: CheckedClient, mailbox: Mailbox
    ) -> None:
        mailbox.refusal = "554 No"

        assert self.invite(browser, "new@example.com") == 303

        assert "The mail could not be sent." in browser.text(".messages")
        assert len(invitations.pending()) == 1

    @both_databases
    @pytest.mark.parametrize(
        ("email", "reason"),
        [
            ("", "Enter an e-mail address."),
            ("new", "This is not an e-mail address."),
            ("new@example.com\0", "Remove the control characters."),
            ("x" * 400_000, "Too long."),
            ("USER@example.com", "has an account already"),
        ],
    )
    def test_what_is_wrong_is_said(
        self, browser: CheckedClient, user: User, email: str, reason: str
    ) -> None:
        assert self.invite(browser, email) == 422
        assert reason in browser.text("#invite .field-error")
        assert invitations.pending() == []

    def test_an_invitation_is_withdrawn(self, browser: CheckedClient) -> None:
        self.invite(browser, "new@example.com")
        (invitation,) = invitations.pending()

        response = browser.submit(f"/users/invitations/{invitation.id}/withdraw")

        assert (response.status_code, response.location) == (303, "/users")
        assert invitations.pending() == []

    def test_an_expired_one_is_shown_as_such(
        self, browser: CheckedClient, admin: User, clock: Clock
    ) -> None:
        invitation = invitations.invite("new@example.com", by=admin)
        clock.advance(days=8)

        browser.get("/users")

        assert "Expired" in browser.text(".invitations")
        assert invitations.link(invitation, "http://localhost") not in browser.text("main")


class TestResetLink:
    def link(self, browser: CheckedClient, user: User) -> str:
        browser.get(f"/users/{user.id}/reset-link")
        return browser.text(".copy-line code")

    def test_it_is_shown_and_works(self, browser: CheckedClient, user: User) -> None:
        link = self.link(browser, user)

        assert link.startswith("http://localhost/reset-password/")
        assert passwords.user_of_reset_token(link.rpartition("/")[2]) == user

    def test_without_mail_it_cannot_be_mailed(self, browser: CheckedClient, user: User) -> None:
        self.link(browser, user)

        assert browser.page is not None
        assert browser.page.query("main form") == []

    def test_it_is_mailed_on_request(
        self, browser: CheckedClient, user: User, mailbox: Mailbox
    ) -> None:
        self.link(browser, user)
        assert mailbox.is_empty

        response = browser.submit()

        assert response.status_code == 303
        assert mailbox.next()["To"] == user.email


class TestAdministrators:
    def test_they_are_made_and_unmade(self, browser: CheckedClient, user: User) -> None:
        browser.get("/users")
        assert browser.submit(f"/users/{user.id}/promote").location == "/users"
        assert user.is_admin

        browser.get("/users")
        browser.submit(f"/users/{user.id}/demote")
        assert not user.is_admin

    def test_the_last_one_is_not_offered_to_be_unmade_and_cannot_be(
        self, browser: CheckedClient, admin: User, user: User
    ) -> None:
        browser.get("/users")
        with pytest.raises(AssertionError, match="0 forms match"):
            browser.form(f"/users/{admin.id}/demote")

        token = browser.form("invite").query_one("[name=csrf_token]").attrs["value"]
        browser.post(f"/users/{admin.id}/demote", data={"csrf_token": token})

        assert admin.is_admin
        browser.get("/users")
        assert "There must be an administrator left." in browser.text(".messages")

    def test_whoever_is_unmade_is_refused_at_once(
        self, app: Flask, browser: CheckedClient, make_user: MakeUser, login: Login
    ) -> None:
        second = make_user("second@example.com", is_admin=True)
        theirs = app.test_client()
        login(theirs, second)
        assert theirs.get("/users").status_code == 200

        browser.get("/users")
        browser.submit(f"/users/{second.id}/demote")

        assert theirs.get("/users").status_code == 403


class TestDelete:
    def test_it_asks_first_and_says_what_goes(
        self,
        browser: CheckedClient,
        admin: User,
        user: User,
        make_heartbeat: Callable[..., HeartbeatCheck],
    ) -> None:
        make_heartbeat(user)

        browser.get(f"/users/{user.id}/delete")

        assert "1 monitor with its history" in browser.text("main")
        assert emails() == [admin.email, user.email]

    def test_it_deletes_the_user_and_ends_their_sessions(
        self, app: Flask, browser: CheckedClient, admin: User, user: User, login: Login
    ) -> None:
        theirs = app.test_client()
        login(theirs, user)
        browser.get(f"/users/{user.id}/delete")

        response = browser.submit()

        assert (response.status_code, response.location) == (303, "/users")
        browser.get("/users")
        assert "user@example.com is deleted." in browser.text(".messages")
        assert emails() == [admin.email]
        assert theirs.get("/account").status_code == 303

    def test_nobody_deletes_themselves(self, browser: CheckedClient, admin: User) -> None:
        browser.get(f"/users/{admin.id}/delete")

        browser.submit()

        browser.get("/users")
        assert "You cannot delete yourself." in browser.text(".messages")
        assert accounts.find(admin.email) == admin
