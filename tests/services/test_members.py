"""Who is in a team, and as what (services/members.py)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from flask import Flask

from sentinelweb.db import db, writing
from sentinelweb.models import Invitation, Membership, Role, Team, User
from sentinelweb.services import accounts, administration, invitations, members, scoping, teams
from sentinelweb.services.accounts import Newcomer
from sentinelweb.services.errors import InvalidInputError, NotAllowedError, NotFoundError
from sentinelweb.services.invitations import BadInvitationError
from tests.support.factories import PASSWORD, team_of
from tests.support.parallel import together

NEW = "new@example.com"


@pytest.fixture
def team(user: User) -> Team:
    return teams.create(user, "Night shift")


def roles(team: Team) -> dict[str, str]:
    db.session.expire_all()
    return {member.user.email: member.role for member in members.of_team(team)}


def token_of(invitation: Invitation) -> str:
    return invitations.link(invitation, "http://localhost").rpartition("/")[2]


class TestAdd:
    def test_whoever_has_an_account_is_in_at_once(
        self, team: Team, user: User, other_user: User
    ) -> None:
        added = members.add(team.id, f" {other_user.email.upper()}", Role.VIEWER, by=user)

        assert isinstance(added, Membership)
        assert roles(team) == {user.email: "owner", other_user.email: "viewer"}
        assert list(roles(team)) == [user.email, other_user.email], "owners first"

    def test_not_twice(self, team: Team, user: User, other_user: User) -> None:
        members.add(team.id, other_user.email, Role.VIEWER, by=user)
        with pytest.raises(InvalidInputError, match="already") as refusal:
            members.add(team.id, other_user.email, Role.ADMIN, by=user)
        assert refusal.value.field == "email"
        assert roles(team)[other_user.email] == "viewer"

    def test_not_twice_at_once(self, app: Flask, team: Team, user: User, other_user: User) -> None:
        email, team_id = other_user.email, team.id

        def attempt() -> bool:
            try:
                members.add(team_id, email, Role.MEMBER, by=None)
            except InvalidInputError:
                return False
            return True

        assert sorted(together(app, [attempt] * 4)) == [False, False, False, True]

    def test_a_team_can_be_full(
        self, team: Team, user: User, other_user: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(teams, "MAX_MEMBERS", 1)
        with pytest.raises(InvalidInputError, match="at most 1"):
            members.add(team.id, other_user.email, Role.MEMBER, by=user)

    def test_there_must_be_a_team(self, user: User, other_user: User) -> None:
        for team_id in (0, -1, 999_999, 2**31, 2**70):
            with pytest.raises(NotFoundError):
                members.add(team_id, user.email, Role.MEMBER, by=None)
        with pytest.raises(NotFoundError):
            members.add(team_of(other_user).id, user.email, Role.MEMBER, by=user)

    def test_people_of_the_server_are_let_in_by_administrators_alone(
        self, team: Team, user: User
    ) -> None:
        with pytest.raises(InvalidInputError, match="Nobody has an account") as refusal:
            members.add(team.id, NEW, Role.MEMBER, by=user)
        assert refusal.value.field == "email"
        assert invitations.pending() == []


class TestInvitation:
    def test_the_new_account_is_in_the_team_and_makes_things_there(
        self, admin: User, make_user: Callable[..., User]
    ) -> None:
        team = teams.create(admin, "Night shift")
        invitation = members.add(team.id, NEW, Role.MEMBER, by=admin)
        assert isinstance(invitation, Invitation)
        assert invitations.pending(team) == [invitation]

        newcomer = invitations.accept(token_of(invitation), Newcomer(NEW, PASSWORD))

        assert roles(team)[NEW] == "member"
        assert scoping.home_team(newcomer) == team.id
        assert invitations.pending(team) == []
        assert team_of(newcomer).is_personal, "and has a team of their own"

    def test_into_two_teams(self, admin: User) -> None:
        first, second = teams.create(admin, "First"), teams.create(admin, "Second")
        into = [members.add(team.id, NEW, Role.VIEWER, by=admin) for team in (first, second)]
        assert all(isinstance(invitation, Invitation) for invitation in into)
        newcomer = invitations.accept(token_of(into[0]), Newcomer(NEW, PASSWORD))
        assert NEW not in roles(second)

        invitations.join(token_of(into[1]), newcomer)

        assert roles(second)[NEW] == "viewer"
        with pytest.raises(BadInvitationError):
            invitations.join(token_of(into[1]), newcomer)

    def test_it_is_for_one_person(self, admin: User, other_user: User) -> None:
        team = teams.create(admin, "Night shift")
        invitation = members.add(team.id, NEW, Role.ADMIN, by=admin)
        with pytest.raises(BadInvitationError):
            invitations.join(token_of(invitation), other_user)
        assert other_user.email not in roles(team)

    def test_whoever_was_added_meanwhile_keeps_their_role(self, admin: User) -> None:
        team = teams.create(admin, "Night shift")
        token = token_of(members.add(team.id, NEW, Role.VIEWER, by=admin))
        newcomer = accounts.create(Newcomer(NEW, PASSWORD))
        with writing() as session:
            teams.take_in(session, team, newcomer, Role.ADMIN)

        invitations.join(token, newcomer)

        assert roles(team)[NEW] == "admin"

    def test_whoever_was_removed_does_not_come_back_by_an_old_link(self, admin: User) -> None:
        team = teams.create(admin, "Night shift")
        token = token_of(members.add(team.id, NEW, Role.OWNER, by=admin))
        newcomer = accounts.create(Newcomer(NEW, PASSWORD))
        members.add(team.id, NEW, Role.VIEWER, by=admin)
        members.remove(team.id, newcomer.id, by=admin)

        with pytest.raises(BadInvitationError):
            invitations.join(token, newcomer)

    def test_a_team_that_is_full_takes_nobody_in(
        self, admin: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        team = teams.create(admin, "Night shift")
        token = token_of(members.add(team.id, NEW, Role.MEMBER, by=admin))
        monkeypatch.setattr(teams, "MAX_MEMBERS", 1)

        with pytest.raises(InvalidInputError, match="at most 1"):
            invitations.accept(token, Newcomer(NEW, PASSWORD))

        assert accounts.find(NEW) is None

    def test_a_viewer_makes_things_in_their_own_team(self, admin: User) -> None:
        team = teams.create(admin, "Night shift")
        token = token_of(members.add(team.id, NEW, Role.VIEWER, by=admin))
        newcomer = invitations.accept(token, Newcomer(NEW, PASSWORD))
        assert scoping.home_team(newcomer) == team_of(newcomer).id

    def test_the_team_may_be_gone_by_then(self, admin: User) -> None:
        team = teams.create(admin, "Night shift")
        invitation = members.add(team.id, NEW, Role.MEMBER, by=admin)
        teams.delete(admin, team.id)

        newcomer = invitations.accept(token_of(invitation), Newcomer(NEW, PASSWORD))

        assert scoping.home_team(newcomer) == team_of(newcomer).id

    def test_it_is_withdrawn_by_those_who_decide(self, admin: User, other_user: User) -> None:
        team, another = teams.create(admin, "Night shift"), teams.create(admin, "Another")
        invitation = members.add(team.id, NEW, Role.MEMBER, by=admin)
        members.add(team.id, other_user.email, Role.MEMBER, by=admin)
        with pytest.raises(NotAllowedError):
            members.withdraw(team.id, invitation.id, by=other_user)
        with pytest.raises(NotFoundError):
            members.withdraw(another.id, invitation.id, by=admin)
        assert invitations.pending(team) == [invitation]

        members.withdraw(team.id, invitation.id, by=admin)

        assert invitations.pending(team) == []

    def test_an_admin_does_not_withdraw_an_owners(self, admin: User, other_user: User) -> None:
        team = teams.create(admin, "Night shift")
        members.add(team.id, other_user.email, Role.ADMIN, by=admin)
        invitation = members.add(team.id, NEW, Role.OWNER, by=admin)
        with pytest.raises(NotAllowedError):
            members.withdraw(team.id, invitation.id, by=other_user)

    def test_an_owner_who_joins_makes_a_personal_team_common(self, admin: User) -> None:
        personal = team_of(admin)
        invitation = members.add(personal.id, NEW, Role.OWNER, by=admin)

        newcomer = invitations.accept(token_of(invitation), Newcomer(NEW, PASSWORD))
        accounts.update_profile(newcomer, name="Somebody", locale=None, timezone=None)

        db.session.expire_all()
        assert (personal.is_personal, personal.name) == (False, "admin")


@pytest.mark.parametrize(
    ("own", "given", "allowed"),
    [
        (Role.VIEWER, Role.VIEWER, False),
        (Role.MEMBER, Role.VIEWER, False),
        (Role.ADMIN, Role.VIEWER, True),
        (Role.ADMIN, Role.ADMIN, True),
        (Role.ADMIN, Role.OWNER, False),
        (Role.OWNER, Role.OWNER, True),
    ],
)
def test_who_may_give_a_role(
    user: User, other_user: User, make_user: Callable[..., User],
    own: Role, given: Role, *, allowed: bool,
) -> None:  # fmt: skip
    third = make_user("third@example.com")
    team = teams.create(other_user, "Night shift")
    members.add(team.id, user.email, own, by=None)

    def attempt(call: Callable[[], object]) -> bool:
        try:
            call()
        except NotAllowedError:
            return False
        return True

    assert attempt(lambda: members.add(team.id, third.email, given, by=user)) is allowed
    if not allowed:
        members.add(team.id, third.email, Role.VIEWER, by=None)
    assert attempt(lambda: members.change_role(team.id, third.id, given, by=user)) is allowed
    assert (third.email, str(given)) in roles(team).items() or not allowed


class TestOwners:
    def test_an_admin_does_not_touch_them(self, team: Team, user: User, other_user: User) -> None:
        members.add(team.id, other_user.email, Role.ADMIN, by=user)
        with pytest.raises(NotAllowedError):
            members.change_role(team.id, user.id, Role.VIEWER, by=other_user)
        with pytest.raises(NotAllowedError):
            members.remove(team.id, user.id, by=other_user)
        assert roles(team)[user.email] == "owner"

    def test_there_is_always_one(self, team: Team, user: User, other_user: User) -> None:
        members.add(team.id, other_user.email, Role.ADMIN, by=user)
        with pytest.raises(InvalidInputError, match="needs an owner"):
            members.change_role(team.id, user.id, Role.ADMIN, by=user)
        with pytest.raises(InvalidInputError, match="needs an owner"):
            members.remove(team.id, user.id, by=user)
        with pytest.raises(InvalidInputError, match="needs an owner"):
            members.remove(team.id, user.id, by=None)

        members.change_role(team.id, other_user.id, Role.OWNER, by=user)
        members.remove(team.id, user.id, by=user)

        assert roles(team) == {other_user.email: "owner"}

    def test_of_two_who_leave_at_once_one_stays(
        self, app: Flask, team: Team, user: User, other_user: User
    ) -> None:
        members.add(team.id, other_user.email, Role.OWNER, by=user)
        ids, team_id = [user.id, other_user.id], team.id

        def leave(user_id: int) -> bool:
            try:
                members.remove(team_id, user_id, by=accounts.get(user_id))
            except InvalidInputError:
                return False
            return True

        left = together(app, [lambda id_=id_: leave(id_) for id_ in ids])
        assert sorted(left) == [False, True]
        assert list(roles(team).values()) == ["owner"]


class TestNobodyIsWithoutATeamToMakeThingsIn:
    def test_whoever_is_removed_from_their_own(self, user: User, other_user: User) -> None:
        personal = team_of(user)
        members.add(personal.id, other_user.email, Role.OWNER, by=user)

        members.remove(personal.id, user.id, by=other_user)

        assert scoping.home_team(user) == team_of(user).id != personal.id

    def test_whoever_becomes_a_viewer_in_it(self, user: User, other_user: User) -> None:
        personal = team_of(user)
        members.add(personal.id, other_user.email, Role.OWNER, by=user)

        members.change_role(personal.id, user.id, Role.VIEWER, by=other_user)

        assert scoping.home_team(user) == team_of(user).id != personal.id
        assert scoping.roles(user)[personal.id] == "viewer"

    def test_whoever_deletes_it(self, user: User) -> None:
        personal = teams.rename(user, team_of(user).id, "Night shift")

        teams.delete(user, personal.id)

        (only,) = teams.of(user)
        assert (only.team.name, only.team.is_personal, only.is_home) == (user.name, True, True)


class TestAtTheSameTime:
    """On SQLite there is one writer at any time; PostgreSQL has many."""

    def test_an_owner_is_deleted_while_the_other_one_leaves(
        self, app: Flask, admin: User, user: User, other_user: User
    ) -> None:
        for _ in range(5):
            team = teams.create(other_user, "Night shift")
            leaver = accounts.create(Newcomer(f"{team.id}@example.com", PASSWORD))
            members.add(team.id, leaver.email, Role.OWNER, by=other_user)
            ids = admin.id, leaver.id, other_user.id, team.id

            def delete(ids: tuple[int, ...] = ids) -> None:
                administration.delete(accounts.get(ids[1]), by=accounts.get(ids[0]))

            def leave(ids: tuple[int, ...] = ids) -> None:
                with contextlib.suppress(InvalidInputError):
                    members.remove(ids[3], ids[2], by=accounts.get(ids[2]))

            together(app, [delete, leave])

            db.session.expire_all()
            left = db.session.get(Team, ids[3])
            assert left is None or "owner" in roles(left).values()

    def test_a_personal_team_is_renamed_while_somebody_accepts_an_invitation_into_it(
        self, app: Flask, admin: User
    ) -> None:
        personal = team_of(admin)
        token = token_of(members.add(personal.id, NEW, Role.OWNER, by=admin))
        ids = admin.id, personal.id

        together(
            app,
            [
                lambda: teams.rename(accounts.get(ids[0]), ids[1], "Night shift"),
                lambda: invitations.accept(token, Newcomer(NEW, PASSWORD)),
            ],
        )

        assert roles(personal)[NEW] == "owner"
        assert (personal.name, personal.is_personal) == ("Night shift", False)


class TestRemove:
    def test_whoever_is_put_out_sees_nothing_more(
        self, team: Team, user: User, other_user: User
    ) -> None:
        members.add(team.id, other_user.email, Role.MEMBER, by=user)
        assert members.remove(team.id, other_user.id, by=user) == other_user
        assert team.id not in scoping.team_ids(other_user)

    def test_members_put_nobody_out_but_may_leave(
        self, team: Team, user: User, other_user: User, make_user: Callable[..., User]
    ) -> None:
        third = make_user("third@example.com")
        for somebody in (other_user, third):
            members.add(team.id, somebody.email, Role.MEMBER, by=user)
        with pytest.raises(NotAllowedError):
            members.remove(team.id, third.id, by=other_user)

        members.remove(team.id, other_user.id, by=other_user)

        assert set(roles(team)) == {user.email, third.email}

    def test_there_must_be_such_a_member(self, team: Team, user: User, other_user: User) -> None:
        for user_id in (other_user.id, 0, 2**31, 2**70):
            with pytest.raises(NotFoundError):
                members.remove(team.id, user_id, by=user)
            with pytest.raises(NotFoundError):
                members.change_role(team.id, user_id, Role.ADMIN, by=user)
            with pytest.raises(NotFoundError):
                members.get(user, team.id, user_id)


def test_a_team_whose_only_owner_is_deleted_gets_the_next_in_rank(
    admin: User, user: User, other_user: User, make_user: Callable[..., User]
) -> None:
    third = make_user("third@example.com")
    personal, shared = team_of(user), teams.create(user, "Night shift")
    alone = teams.create(user, "Nobody else's")
    members.add(personal.id, other_user.email, Role.VIEWER, by=user)
    members.add(shared.id, other_user.email, Role.MEMBER, by=user)
    members.add(shared.id, third.email, Role.ADMIN, by=user)
    assert members.heirs(user) == [(personal, other_user), (shared, third)]
    ids = alone.id, personal.id, shared.id

    administration.delete(user, by=admin)

    db.session.expire_all()
    assert db.session.get(Team, ids[0]) is None
    assert roles(personal) == {other_user.email: "owner"}
    assert not personal.is_personal
    assert roles(shared) == {third.email: "owner", other_user.email: "member"}
