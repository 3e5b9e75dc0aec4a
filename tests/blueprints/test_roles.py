"""What each role in a team may see and do on the pages; services/scoping.py says who may what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from sentinelweb.db import db, writing
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    Host,
    Membership,
    Process,
    Role,
    Service,
    StatusPage,
    Team,
    User,
)
from sentinelweb.services import scoping, status_pages
from sentinelweb.services.status_pages import PageValues
from tests.support.checked_client import CheckedClient
from tests.support.factories import team_of

Login = Callable[[CheckedClient, User], None]


@dataclass
class Things:
    """One of everything, of a team that somebody else owns."""

    heartbeat: HeartbeatCheck
    service: Service
    host: Host
    process: Process
    channel: Channel
    page: StatusPage
    team: Team

    def pages(self) -> dict[str, str]:
        """The pages that show them."""
        return {
            "heartbeat": f"/heartbeats/{self.heartbeat.id}",
            "service": f"/services/{self.service.id}",
            "host": f"/hosts/{self.host.id}",
            "process": f"/processes/{self.process.id}",
            "channel": f"/channels/{self.channel.id}",
            "status page": f"/status-pages/{self.page.id}",
            "history": f"/history/{self.heartbeat.id}",
        }


LISTS = ["/", "/heartbeats", "/services", "/hosts", "/processes", "/channels", "/status-pages"]
MEMBERS_PAGES = [
    "{heartbeat}/edit", "{heartbeat}/delete", "{heartbeat}/rotate",
    "{service}/edit", "{service}/delete",
    "{host}/edit", "{host}/key", "{host}/delete", "{host}/forget",
    "{process}/end", "{process}/delete",
    "{status page}/edit", "{status page}/delete",
]  # fmt: skip
MEMBERS_ACTIONS = [
    *MEMBERS_PAGES,
    "{heartbeat}/test-ping", "{heartbeat}/pause", "{heartbeat}/resume",
    "{service}/check-now", "{service}/pause", "{service}/resume",
    "{host}/pause", "{host}/resume",
    "{status page}/monitors", "{status page}/monitors/add",
    "{history}",
]  # fmt: skip
ADMINS_PAGES = ["{channel}/edit", "{channel}/delete", "/ping-key/{team}/rotate"]
ADMINS_ACTIONS = [*ADMINS_PAGES, "{channel}/test", "{channel}/monitors"]


@pytest.fixture
def things(
    other_user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    make_service: Callable[..., Service],
    make_host: Callable[..., Host],
    make_process: Callable[..., Process],
    make_channel: Callable[..., Channel],
) -> Things:
    channel = make_channel(other_user)
    return Things(
        heartbeat=make_heartbeat(other_user, channels=[channel]),
        service=make_service(other_user),
        host=make_host(other_user),
        process=make_process(other_user),
        channel=channel,
        page=status_pages.create(other_user, PageValues("Ours", "ours"), with_all_monitors=True),
        team=team_of(other_user),
    )


@pytest.fixture
def become(
    client: CheckedClient, user: User, things: Things, login: Login
) -> Callable[[Role], CheckedClient]:
    """`become(role)` is the browser of somebody with that role in the team."""

    def become(role: Role) -> CheckedClient:
        with writing() as session:
            session.add(Membership(team_id=things.team.id, user_id=user.id, role=role))
        login(client, user)
        return client

    return become


Become = Callable[[Role], CheckedClient]


def rows() -> dict[str, int]:
    """How many rows each table has, and the sum of what changes in them."""
    db.session.rollback()
    return {
        table.name: db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in db.metadata.sorted_tables
        if table.name != "components"
    }


def post(browser: CheckedClient, path: str) -> int:
    browser.get("/account")
    token = browser.form("profile").query_one("[name=csrf_token]").attrs["value"]
    data = {"csrf_token": token, "sla_target": "99", "monitors": "1", "name": "Mine"}
    return browser.post(path, data=data).status_code


def path_of(things: Things, template: str) -> str:
    return template.format(**things.pages(), team=things.team.id)


@pytest.mark.parametrize("path", MEMBERS_PAGES + ADMINS_PAGES)
def test_a_viewer_opens_no_page_that_changes_something(
    become: Become, things: Things, path: str
) -> None:
    # Of the team's ping key a viewer does not even hear.
    refused = 404 if path.startswith("/ping-key") else 403
    assert become(Role.VIEWER).get(path_of(things, path)).status_code == refused


@pytest.mark.parametrize("path", MEMBERS_ACTIONS + ADMINS_ACTIONS)
def test_a_viewer_changes_nothing(become: Become, things: Things, path: str) -> None:
    browser, before = become(Role.VIEWER), rows()

    refused = 404 if path.startswith("/ping-key") else 403
    assert post(browser, path_of(things, path)) == refused

    assert rows() == before
    db.session.refresh(things.heartbeat)
    assert (things.heartbeat.status, things.heartbeat.sla_target) == ("new", None)


@pytest.mark.parametrize("path", MEMBERS_PAGES)
def test_a_member_may_change_monitors(become: Become, things: Things, path: str) -> None:
    assert become(Role.MEMBER).get(path_of(things, path)).status_code == 200


@pytest.mark.parametrize("path", ADMINS_ACTIONS)
def test_a_member_changes_no_channel_and_no_key(become: Become, things: Things, path: str) -> None:
    browser, before, key = become(Role.MEMBER), rows(), things.team.ping_key

    assert post(browser, path_of(things, path)) == 403

    assert rows() == before
    db.session.refresh(things.team)
    assert things.team.ping_key == key


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER])
@pytest.mark.parametrize("path", MEMBERS_PAGES + ADMINS_PAGES)
def test_admins_and_owners_may_change_all_of_it(
    become: Become, things: Things, path: str, role: Role
) -> None:
    assert become(role).get(path_of(things, path)).status_code == 200


def test_a_page_that_shows_something_offers_a_viewer_nothing_that_would_be_refused(
    become: Become, things: Things
) -> None:
    browser = become(Role.VIEWER)
    for path in [*LISTS, *things.pages().values()]:
        assert browser.get(path).status_code == 200, path
        for offer in [path_of(things, path) for path in MEMBERS_ACTIONS + ADMINS_ACTIONS]:
            if offer not in things.pages().values():
                assert browser.page.query(f'[action="{offer}"], a[href^="{offer}"]') == [], path
    browser.get(f"/heartbeats/{things.heartbeat.id}")
    assert things.team.ping_key not in browser.text("body")


def test_what_a_member_is_offered_works(become: Become, things: Things) -> None:
    browser = become(Role.MEMBER)
    browser.get(f"/heartbeats/{things.heartbeat.id}")
    assert browser.submit(f"/heartbeats/{things.heartbeat.id}/pause").status_code == 303
    browser.get(f"/channels/{things.channel.id}")
    assert browser.page.query("main form") == []
    browser.get("/ping-key")
    assert things.team.ping_key in browser.text("main")
    assert browser.page.query(f'[href="/ping-key/{things.team.id}/rotate"]') == []


def test_a_viewer_sees_no_ping_key_of_the_team(become: Become, things: Things) -> None:
    browser = become(Role.VIEWER)
    browser.get("/ping-key")
    assert things.team.ping_key not in browser.text("body")
    assert browser.get(f"/ping-key/{things.team.id}/rotate").status_code == 404


def test_what_a_viewer_makes_belongs_to_their_own_team(
    become: Become, things: Things, user: User
) -> None:
    browser = become(Role.VIEWER)
    browser.get("/heartbeats/add")
    assert browser.submit("heartbeat-form", {"name": "Mine"}).status_code == 303
    made = db.session.scalars(sa.select(HeartbeatCheck).where(HeartbeatCheck.name == "Mine")).one()
    assert made.team_id == scoping.home_team(user) != things.team.id


def test_a_guest_who_takes_another_name_leaves_the_team_its_own(
    become: Become, things: Things, user: User
) -> None:
    browser, name = become(Role.ADMIN), things.team.name
    browser.get("/account")

    assert browser.submit("profile", {"name": "Somebody Else"}).status_code == 303

    db.session.refresh(things.team)
    assert things.team.name == name
    own = db.session.get_one(Team, scoping.home_team(user))
    assert own.name == "Somebody Else"
