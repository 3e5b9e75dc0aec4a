"""What administrators do to others; one of them always stays (services/administration.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Host, Membership, Monitor, Role, Service, Team, User
from sentinelweb.services import accounts, administration, sessions
from sentinelweb.services.errors import InvalidInputError, NotFoundError
from tests.support.factories import NOW, team_of
from tests.support.parallel import together

MakeUser = Callable[..., User]


def administrators() -> list[str]:
    query = sa.select(User.email).where(User.is_admin).order_by(User.email)
    return list(db.session.scalars(query))


def test_users_are_listed_by_name(make_user: MakeUser) -> None:
    second, first = make_user("b@example.com"), make_user("a@example.com")

    assert administration.everybody() == [first, second]


@pytest.mark.parametrize("user_id", [0, 999_999, 2**31, 2**63])
def test_an_unknown_user_is_not_found(app: Flask, user_id: int) -> None:
    with pytest.raises(NotFoundError):
        administration.user(user_id)


def test_administrators_are_made_and_unmade(admin: User, user: User) -> None:
    administration.set_administrator(user, is_admin=True, by=admin)
    assert administrators() == [admin.email, user.email]

    administration.set_administrator(admin, is_admin=False, by=user)
    assert administrators() == [user.email]


def test_the_last_administrator_stays_one(admin: User, user: User) -> None:
    with pytest.raises(InvalidInputError, match="an administrator left"):
        administration.set_administrator(admin, is_admin=False, by=admin)
    assert administrators() == [admin.email]


def test_an_ordinary_user_may_do_nothing_to_others(user: User, other_user: User) -> None:
    with pytest.raises(InvalidInputError, match="Only administrators"):
        administration.set_administrator(user, is_admin=True, by=user)
    with pytest.raises(InvalidInputError, match="Only administrators"):
        administration.delete(other_user, by=user)
    assert administrators() == []


def test_administrators_who_remove_each_other_at_once_leave_one(
    app: Flask, make_user: MakeUser
) -> None:
    ids = [make_user(f"admin{n}@example.com", is_admin=True).id for n in range(4)]

    def remove(target: int, by: int) -> None:
        user, actor = accounts.get(target), accounts.get(by)
        if user is None or actor is None:
            return  # removed before this one began
        try:
            if target % 2:
                administration.delete(user, by=actor)
            else:
                administration.set_administrator(user, is_admin=False, by=actor)
        except InvalidInputError:
            pass

    pairs = zip(ids, ids[1:] + ids[:1], strict=True)
    together(app, [lambda pair=pair: remove(*pair) for pair in pairs])

    assert len(administrators()) >= 1


def test_nobody_deletes_themselves(admin: User) -> None:
    with pytest.raises(InvalidInputError, match="cannot delete yourself"):
        administration.delete(admin, by=admin)


def test_a_deleted_user_takes_along_what_nobody_else_has(
    admin: User,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    make_host: Callable[..., Host],
    make_service: Callable[..., Service],
) -> None:
    make_heartbeat(user)
    make_service(user, host_id=make_host(user).id)
    kept = make_heartbeat(admin)
    shared = Team(name="Shared", created_at=NOW)
    shared.memberships.extend(
        [Membership(user=user, role=Role.OWNER), Membership(user=admin, role=Role.MEMBER)]
    )
    db.session.add(shared)
    db.session.commit()
    shared_heartbeat = make_heartbeat(user, team_id=shared.id)
    assert administration.monitors_lost_with(user) == 3
    session_id, admin_team = user.get_id(), team_of(admin)

    administration.delete(user, by=admin)

    db.session.expire_all()
    assert set(db.session.scalars(sa.select(Monitor))) == {kept, shared_heartbeat}
    assert set(db.session.scalars(sa.select(Team))) == {admin_team, shared}
    assert db.session.scalars(sa.select(User)).all() == [admin]
    assert sessions.user_of(session_id, "") is None
