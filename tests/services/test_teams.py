"""Teams, and where what somebody makes goes (services/teams.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    Host,
    Monitor,
    MonitorCount,
    Role,
    Service,
    Team,
    User,
)
from sentinelweb.services import accounts, counts, local_host, members, scoping, teams
from sentinelweb.services.errors import InvalidInputError, NotAllowedError, NotFoundError
from tests.support.factories import team_of
from tests.support.parallel import together


def test_whoever_makes_a_team_owns_it(user: User, other_user: User) -> None:
    team = teams.create(user, "  Night shift ")

    assert (team.name, team.is_personal) == ("Night shift", False)
    assert scoping.roles(user)[team.id] == Role.OWNER
    assert team.id not in scoping.roles(other_user)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "Enter a name."), (" ", "Enter a name."), ("x" * 101, "at most 100"), ("a\0", "Control")],
)
def test_a_name_must_be_one(user: User, name: str, reason: str) -> None:
    team = team_of(user)
    with pytest.raises(InvalidInputError, match=reason):
        teams.create(user, name)
    with pytest.raises(InvalidInputError, match=reason):
        teams.rename(user, team.id, name)


def test_one_owner_has_so_many_teams(
    app: Flask, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "MAX_TEAMS", 3)

    def attempt() -> bool:
        try:
            teams.create(accounts.get(user.id), "Another")
        except InvalidInputError:
            return False
        return True

    assert sorted(together(app, [attempt] * 4)) == [False, False, True, True]


def test_they_are_listed_with_what_they_have(
    user: User, other_user: User, make_heartbeat: Callable[..., HeartbeatCheck]
) -> None:
    make_heartbeat(other_user)
    theirs = team_of(other_user)
    members.add(theirs.id, user.email, Role.VIEWER, by=other_user)

    first, second = teams.of(user)

    assert (first.team, first.role, first.members, first.monitors, first.is_home) == (
        team_of(user), "owner", 1, 0, True,
    )  # fmt: skip
    assert (second.team, second.role, second.members, second.monitors, second.is_home) == (
        theirs, "viewer", 2, 1, False,
    )  # fmt: skip
    assert [listed.team for listed in teams.everyone()] == [team_of(user), theirs]


class TestHome:
    def test_it_is_chosen(self, user: User) -> None:
        personal, team = team_of(user), teams.create(user, "Night shift")
        assert scoping.home_team(user) == personal.id

        teams.make_home(user, team.id)

        assert scoping.home_team(user) == team.id
        assert [listed.is_home for listed in teams.of(user)] == [True, False]

    def test_a_viewer_does_not_choose_it(self, user: User, other_user: User) -> None:
        theirs = team_of(other_user)
        members.add(theirs.id, user.email, Role.VIEWER, by=other_user)
        with pytest.raises(NotAllowedError):
            teams.make_home(user, theirs.id)

    def test_nobody_chooses_a_team_that_they_are_not_in(self, user: User, other_user: User) -> None:
        for team_id in (team_of(other_user).id, 0, 2**31, 2**70):
            with pytest.raises(NotFoundError):
                teams.make_home(user, team_id)

    def test_without_it_things_go_to_their_own_team_again(
        self, user: User, other_user: User
    ) -> None:
        theirs = team_of(other_user)
        members.add(theirs.id, user.email, Role.MEMBER, by=other_user)
        teams.make_home(user, theirs.id)

        members.change_role(theirs.id, user.id, Role.VIEWER, by=other_user)
        assert scoping.home_team(user) == team_of(user).id

        members.change_role(theirs.id, user.id, Role.MEMBER, by=other_user)
        assert scoping.home_team(user) == theirs.id
        members.remove(theirs.id, user.id, by=other_user)
        assert scoping.home_team(user) == team_of(user).id

    def test_what_is_the_servers_stays_with_its_machine(
        self, admin: User, other_user: User
    ) -> None:
        first = teams.rename(admin, team_of(admin).id, "Servers")
        with writing() as session:
            local_host.ensure(session)
        members.add(first.id, other_user.email, Role.OWNER, by=admin)
        members.change_role(first.id, admin.id, Role.VIEWER, by=other_user)

        assert scoping.server_team() == first.id
        with pytest.raises(InvalidInputError, match="the server itself"):
            teams.delete(other_user, first.id)

        members.remove(first.id, admin.id, by=other_user)
        assert scoping.server_team() == team_of(admin).id != first.id
        teams.delete(other_user, first.id)

    def test_what_is_the_servers_stays_where_it_is(self, admin: User) -> None:
        first = team_of(admin)
        teams.make_home(admin, teams.create(admin, "Night shift").id)
        assert scoping.server_team() == first.id
        assert scoping.home_team(scoping.Program(None)) == first.id

        teams.rename(admin, first.id, "Servers")
        assert scoping.server_team() == first.id


class TestRename:
    def test_a_team_of_its_own_name_keeps_it(self, user: User) -> None:
        before = teams.create(user, "Before")  # its number is not the first
        personal = team_of(user)

        teams.rename(user, personal.id, "Night shift")
        accounts.update_profile(user, name="Somebody else", locale=None, timezone=None)

        db.session.expire_all()
        assert (personal.name, personal.is_personal) == ("Night shift", False)
        assert scoping.home_team(user) == personal.id
        assert before.name == "Before"

    def test_the_same_name_changes_nothing(self, user: User) -> None:
        personal = team_of(user)
        assert teams.rename(user, personal.id, personal.name).is_personal

    def test_admins_may(self, user: User, other_user: User) -> None:
        theirs = team_of(other_user)
        members.add(theirs.id, user.email, Role.MEMBER, by=other_user)
        with pytest.raises(NotAllowedError):
            teams.rename(user, theirs.id, "Mine")
        members.change_role(theirs.id, user.id, Role.ADMIN, by=other_user)
        assert teams.rename(user, theirs.id, "Ours").name == "Ours"


class TestDelete:
    def test_all_that_it_owns_goes(
        self,
        user: User,
        make_heartbeat: Callable[..., HeartbeatCheck],
        make_channel: Callable[..., Channel],
    ) -> None:
        team = teams.create(user, "Night shift")
        teams.make_home(user, team.id)
        make_heartbeat(user, team_id=team.id)
        make_channel(user, team_id=team.id)
        kept = make_heartbeat(user)
        assert teams.what_goes_with(team) == (1, 1, 0)

        assert teams.delete(user, team.id) == "Night shift"

        db.session.expire_all()
        assert db.session.scalars(sa.select(HeartbeatCheck.id)).all() == [kept.id]
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 0
        assert user.home_team_id is None
        assert scoping.home_team(user) == team_of(user).id

    def test_many_monitors_go_a_few_at_a_time(
        self,
        user: User,
        make_host: Callable[..., Host],
        make_service: Callable[..., Service],
        make_heartbeat: Callable[..., HeartbeatCheck],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(teams, "BATCH", 2)
        team = teams.create(user, "Night shift")
        host = make_host(user, team_id=team.id)
        for _ in range(3):
            make_service(user, team_id=team.id, host_id=host.id)
        for _ in range(5):
            make_heartbeat(user, team_id=team.id)
        before = teams.what_goes_with(team)[0]
        assert teams._delete_some_monitors(team.id) == 2
        left = [counts.by_status(kind, [team.id])[Status.NEW] for kind in ("heartbeat", "service")]
        assert (before, sum(left)) == (9, 6)

        teams.delete(user, team.id)

        assert db.session.scalar(sa.select(sa.func.count()).select_from(Monitor)) == 0
        assert db.session.scalar(sa.select(sa.func.count()).select_from(MonitorCount)) == 0

    def test_a_personal_one_stays(self, user: User) -> None:
        with pytest.raises(InvalidInputError, match="stays"):
            teams.delete(user, team_of(user).id)

    def test_only_owners_may(self, user: User, other_user: User) -> None:
        team = teams.create(other_user, "Theirs")
        with pytest.raises(NotFoundError):
            teams.delete(user, team.id)
        members.add(team.id, user.email, Role.ADMIN, by=other_user)
        with pytest.raises(NotAllowedError):
            teams.delete(user, team.id)
        assert db.session.get(Team, team.id) is not None
