"""The pages of teams (blueprints/teams.py), and joining one by a link."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    Host,
    Invitation,
    Process,
    Role,
    Service,
    Team,
    User,
)
from sentinelweb.services import accounts, invitations, members, scoping, teams
from tests.support.checked_client import CheckedClient
from tests.support.databases import both_databases
from tests.support.factories import PASSWORD, team_of

Login = Callable[[CheckedClient, User], None]

NEW = "new@example.com"


@pytest.fixture
def browser(client: CheckedClient, user: User, login: Login) -> CheckedClient:
    login(client, user)
    return client


@pytest.fixture
def team(user: User) -> Team:
    return teams.create(user, "Night shift")


def post(browser: CheckedClient, path: str, **data: str) -> int:
    browser.get("/account")
    token = browser.form("profile").query_one("[name=csrf_token]").attrs["value"]
    return browser.post(path, data={"csrf_token": token, **data}).status_code


def roles(team: Team) -> dict[str, str]:
    db.session.expire_all()
    return {member.user.email: member.role for member in members.of_team(team)}


def test_visitors_are_led_to_the_login(client: CheckedClient, team: Team) -> None:
    for path in ("/teams", f"/teams/{team.id}", f"/teams/{team.id}/delete"):
        assert client.get(path).location.startswith("/login?next=")


@pytest.mark.parametrize("team_id", ["0", "999999", str(2**31), "9" * 5_000])
@pytest.mark.parametrize("page", ["", "/delete", "/members/1/remove"])
@both_databases
def test_an_unknown_team_is_not_found(browser: CheckedClient, team_id: str, page: str) -> None:
    assert browser.get(f"/teams/{team_id}{page}").status_code == 404


def test_a_team_is_made_shared_and_left(
    app: Flask, browser: CheckedClient, user: User, other_user: User, login: Login
) -> None:
    browser.get("/teams")
    assert "1 team" in browser.text("main")
    location = browser.submit("team-form", {"name": "Night shift"}).location
    browser.get(location)
    assert "Made. Now add the others." in browser.text(".messages")
    browser.submit("member-form", {"email": other_user.email, "role": "admin"})
    browser.get(location)
    assert f"{other_user.name} is in the team now." in browser.text(".messages")
    assert "2 members" in browser.text("main")

    theirs = app.test_client()
    login(theirs, other_user)
    theirs.get(location)
    assert user.email in theirs.text(".users")
    theirs.get(f"{location}/members/{other_user.id}/remove")
    assert "Leave “Night shift”?" in theirs.text("h1")
    assert theirs.submit().location == "/teams"
    assert theirs.get(location).status_code == 404


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "Enter a name."), ("x" * 101, "at most 100"), ("a\x07b", "control characters")],
)
def test_a_bad_name_is_refused(browser: CheckedClient, team: Team, name: str, reason: str) -> None:
    browser.get("/teams")
    assert browser.submit("team-form", {"name": name}).status_code == 422
    assert reason in browser.text("#team-form .field-error")
    browser.get(f"/teams/{team.id}")
    assert browser.submit("name-form", {"name": name}).status_code == 422
    assert reason in browser.text("#name-form .field-error")
    assert len(teams.of(accounts.find("user@example.com"))) == 2


@both_databases
@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("", "Enter an e-mail address."),
        ("new", "This is not an e-mail address."),
        ("x" * 400_000, "Too long."),
        (NEW, "Nobody has an account with this address."),
        ("USER@example.com", "They are in the team already."),
    ],
)
def test_somebody_who_cannot_be_added(
    browser: CheckedClient, team: Team, email: str, reason: str
) -> None:
    browser.get(f"/teams/{team.id}")
    assert browser.submit("member-form", {"email": email}).status_code == 422
    assert reason in browser.text("#member-form .field-error")
    assert list(roles(team)) == ["user@example.com"]


def test_a_role_is_changed_by_the_menu(
    browser: CheckedClient, team: Team, other_user: User
) -> None:
    members.add(team.id, other_user.email, Role.MEMBER, by=None)
    path = f"/teams/{team.id}/members/{other_user.id}/role"
    browser.get(f"/teams/{team.id}")
    offered = browser.page.query(f'form[action="{path}"] button') if browser.page else []
    assert [button.attrs["value"] for button in offered] == ["viewer", "admin", "owner"]

    assert post(browser, path, role="viewer") == 303
    assert roles(team)[other_user.email] == "viewer"
    browser.get(f"/teams/{team.id}")
    assert f"{other_user.name}: Viewer." in browser.text(".messages")

    assert post(browser, path, role="god") == 303
    assert roles(team)[other_user.email] == "viewer"


def test_the_last_owner_is_offered_nothing_and_told_why_they_stay(
    browser: CheckedClient, team: Team, user: User
) -> None:
    browser.get(f"/teams/{team.id}")
    assert browser.page is not None
    assert browser.page.query(".users .menu") == []
    browser.get(f"/teams/{team.id}/members/{user.id}/remove")
    assert browser.submit().location == f"/teams/{team.id}"
    browser.get(f"/teams/{team.id}")
    assert "A team needs an owner" in browser.text(".messages")
    assert post(browser, f"/teams/{team.id}/members/{user.id}/role", role="viewer") == 303
    assert roles(team) == {user.email: "owner"}


ACTIONS = {
    "rename": {"name": "Mine"},
    "members": {"email": "user@example.com", "role": "owner"},
    "members/{owner}/role": {"role": "viewer"},
    "members/{owner}/remove": {},
    "delete": {},
    "invitations/1/withdraw": {},
}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_not_theirs_to_decide_is_refused(
    browser: CheckedClient, user: User, other_user: User, action: str, role: Role
) -> None:
    team = teams.create(other_user, "Theirs")
    members.add(team.id, user.email, role, by=None)
    before = roles(team)

    browser.get(f"/teams/{team.id}")
    assert browser.page is not None
    assert browser.page.query("#member-form, #name-form") == []
    path = f"/teams/{team.id}/{action.format(owner=other_user.id)}"
    assert post(browser, path, **ACTIONS[action]) == 403

    assert roles(team) == before
    assert team.name == "Theirs"


@pytest.mark.parametrize("action", ACTIONS)
def test_strangers_find_nothing(browser: CheckedClient, other_user: User, action: str) -> None:
    team = teams.create(other_user, "Theirs")
    path = f"/teams/{team.id}/{action.format(owner=other_user.id)}"
    assert post(browser, path, **ACTIONS[action]) == 404
    assert list(roles(team).values()) == ["owner"]


def test_a_form_without_its_token_does_nothing(
    browser: CheckedClient, team: Team, user: User
) -> None:
    for action, data in ACTIONS.items():
        path = f"/teams/{team.id}/{action.format(owner=user.id)}"
        assert browser.post(path, data=data).status_code == 400
    assert roles(team) == {user.email: "owner"}


def test_deleting_asks_first_and_says_what_goes(
    browser: CheckedClient, team: Team, user: User, make_heartbeat: Callable[..., HeartbeatCheck]
) -> None:
    make_heartbeat(user, team_id=team.id)
    browser.get(f"/teams/{team.id}/delete")
    assert "1 monitor with its history" in browser.text("main")
    assert browser.submit().location == "/teams"
    browser.get("/teams")
    assert "The team “Night shift” is deleted." in browser.text(".messages")
    personal = team_of(user)
    browser.get(f"/teams/{personal.id}")
    assert "Delete…" not in browser.text("main")
    assert post(browser, f"/teams/{personal.id}/delete") == 303
    assert db.session.get(Team, personal.id) is not None


class TestWhereThingsGo:
    def test_what_is_made_goes_to_the_chosen_team(
        self, browser: CheckedClient, team: Team, user: User
    ) -> None:
        browser.get("/heartbeats/add")
        assert f"It will belong to the team “{team_of(user).name}”." in browser.text("main")

        browser.get("/teams")
        browser.submit(f"/teams/{team.id}/make-home")
        browser.get("/heartbeats/add")
        assert "It will belong to the team “Night shift”." in browser.text("main")
        browser.submit("heartbeat-form", {"name": "Nightly backup", "period": "1 day"})

        (heartbeat,) = db.session.query(HeartbeatCheck).all()
        assert heartbeat.team_id == team.id

    def test_lists_say_whose_things_are_to_those_who_are_in_several_teams(
        self,
        browser: CheckedClient,
        user: User,
        make_heartbeat: Callable[..., HeartbeatCheck],
        make_channel: Callable[..., Channel],
    ) -> None:
        make_heartbeat(user, channels=[make_channel(user)])
        personal = team_of(user)
        personal.name = "Day shift"
        db.session.commit()
        for path in ("/heartbeats", "/channels"):
            browser.get(path)
            assert "Day shift" not in browser.text("main"), path
        teams.create(user, "Night shift")
        for path, text in {
            "/": "Team: Day shift",
            "/heartbeats": "Team: Day shift",
            "/channels": "· Day shift",
            "/transfers": "the team “Day shift”",
            "/api-keys": "the team “Day shift”",
        }.items():
            browser.get(path)
            assert text in browser.text("main"), path
            assert text.replace("Day", "Night") not in browser.text("main"), path


@pytest.mark.parametrize("kind", ["heartbeats", "services", "hosts", "processes"])
def test_a_list_shows_one_team_of_several(
    browser: CheckedClient,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    make_service: Callable[..., Service],
    make_host: Callable[..., Host],
    make_process: Callable[..., Process],
    kind: str,
) -> None:
    make: dict[str, Callable[..., object]] = {
        "heartbeats": make_heartbeat,
        "services": make_service,
        "hosts": make_host,
        "processes": make_process,
    }
    make[kind](user, name="By day")
    browser.get(f"/{kind}")
    assert browser.page is not None
    assert browser.page.query("select[name=team]") == []
    team = teams.create(user, "Night shift")
    make[kind](user, name="By night", team_id=team.id)

    browser.get(f"/{kind}")
    assert "By day" in browser.text("main")
    assert "By night" in browser.text("main")
    browser.submit("filter", {"team": str(team.id)})

    assert "By night" in browser.text("main")
    assert "By day" not in browser.text("main")
    for team_id in ("99999999", "9" * 50, "-1", "x"):
        assert browser.get(f"/{kind}?team={team_id}").status_code == 200


@pytest.mark.parametrize(
    ("path", "offer"),
    [
        ("/channels", 'a[href^="/channels/add"]'),
        ("/", 'a[href^="/channels/add"]'),
        ("/api-keys", "#api-key-form"),
        ("/transfers", "#import-form, [name=secrets]"),
    ],
)
def test_what_only_admins_make_is_not_offered_to_a_member_of_the_home_team(
    browser: CheckedClient, user: User, other_user: User, path: str, offer: str
) -> None:
    browser.get(path)
    assert browser.page is not None
    assert browser.page.query(offer) != []
    theirs = team_of(other_user)
    members.add(theirs.id, user.email, Role.MEMBER, by=other_user)
    teams.make_home(user, theirs.id)

    browser.get(path)

    assert browser.page.query(offer) == []
    for address in ("/channels/add", "/channels/add/webhook"):
        assert browser.get(address).status_code == 403


class TestInvitation:
    @pytest.fixture
    def team(self, admin: User) -> Team:
        return teams.create(admin, "Night shift")

    @pytest.fixture
    def invitation(self, team: Team, admin: User) -> Invitation:
        invitation = members.add(team.id, NEW, Role.MEMBER, by=admin)
        assert isinstance(invitation, Invitation)
        return invitation

    def link(self, invitation: Invitation) -> str:
        return invitations.link(invitation, "")

    def test_an_administrator_invites_and_withdraws(
        self, client: CheckedClient, admin: User, team: Team, login: Login
    ) -> None:
        login(client, admin)
        client.get(f"/teams/{team.id}")
        client.submit("member-form", {"email": NEW, "role": "viewer"})
        (invitation,) = invitations.pending(team)
        for path in (f"/teams/{team.id}", "/users"):
            client.get(path)
            assert invitations.link(invitation, "http://localhost") in client.text("main")
        assert "into the team “Night shift”" in client.text(".invitations")

        client.get(f"/teams/{team.id}")
        client.submit(f"/teams/{team.id}/invitations/{invitation.id}/withdraw")

        assert invitations.pending(team) == []

    def test_the_link_is_shown_to_those_alone_who_may_let_people_in(
        self, client: CheckedClient, user: User, team: Team, invitation: Invitation, login: Login
    ) -> None:
        members.add(team.id, user.email, Role.OWNER, by=None)
        login(client, user)
        client.get(f"/teams/{team.id}")
        assert NEW in client.text(".invitations")
        assert "/invitation/" not in client.text("main")

    def test_an_owners_link_is_shown_to_owners_alone(
        self, client: CheckedClient, make_user: Callable[..., User], team: Team, login: Login
    ) -> None:
        members.add(team.id, NEW, Role.OWNER, by=None)
        second = make_user("second@example.com", is_admin=True)
        members.add(team.id, second.email, Role.ADMIN, by=None)
        login(client, second)
        client.get(f"/teams/{team.id}")
        assert NEW in client.text(".invitations")
        assert "/invitation/" not in client.text("main")
        assert client.page is not None
        assert client.page.query(".invitations form") == []

    def test_a_newcomer_is_in_the_team(
        self, client: CheckedClient, team: Team, invitation: Invitation
    ) -> None:
        client.get(self.link(invitation))
        assert "You will be in the team “Night shift”." in client.text("body")
        client.submit(data={"password": PASSWORD})

        assert roles(team)[NEW] == "member"
        client.get("/teams")
        assert "Night shift" in client.text(".users")

    def test_somebody_with_an_account_joins_after_their_login(
        self, client: CheckedClient, team: Team, invitation: Invitation,
        make_user: Callable[..., User], login: Login,
    ) -> None:  # fmt: skip
        newcomer, link = make_user(NEW), self.link(invitation)
        assert client.get(link).location.startswith("/login?next=")
        login(client, newcomer)
        client.get(link)
        assert "into the team “Night shift”" in client.text("body")

        assert client.submit("join").location == f"/teams/{team.id}"

        assert roles(team)[NEW] == "member"
        assert client.get(link).status_code == 410

    def test_somebody_else_does_not(
        self, client: CheckedClient, team: Team, invitation: Invitation,
        make_user: Callable[..., User], other_user: User, login: Login,
    ) -> None:  # fmt: skip
        make_user(NEW)
        login(client, other_user)
        client.get(self.link(invitation))
        assert f"The invitation is for {NEW}." in client.text("body")

        assert post(client, self.link(invitation)) == 410

        assert team.id not in scoping.roles(other_user)
