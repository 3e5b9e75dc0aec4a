"""Rows for tests, written as the services would leave them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from argon2 import PasswordHasher

from sentinelweb.core.status import Status, overdue_at
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    Host,
    Membership,
    Monitor,
    Process,
    Role,
    Service,
    Team,
    User,
)
from sentinelweb.services import counts
from sentinelweb.services.counts import CountKey

NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"

_hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def make_user(email: str = "user@example.com", **values: Any) -> User:
    """A user with a personal team, whose password is PASSWORD."""
    password = values.pop("password", PASSWORD)
    name = values.pop("name", email.partition("@")[0])
    user = User(
        email=email,
        name=name,
        password_hash=_hasher.hash(password),
        session_nonce=secrets.token_hex(8),
        created_at=NOW,
        **values,
    )
    team = Team(name=name, is_personal=True, created_at=NOW)
    team.memberships.append(Membership(user=user, role=Role.OWNER))
    with writing() as session:
        session.add_all([user, team])
    return user


def team_of(user: User) -> Team:
    """The user's personal team."""
    return db.session.scalars(
        sa.select(Team)
        .join(Membership)
        .where(Membership.user_id == user.id, Membership.role == Role.OWNER, Team.is_personal)
    ).one()


def make_heartbeat(user: User, **values: Any) -> HeartbeatCheck:
    """A heartbeat of the user's personal team: period 60 s and grace 30 s, never pinged.

    With `last_ping` it is up, unless `status` says otherwise, and its deadlines follow from it.
    """
    last_ping = values.get("last_ping")
    status = values.setdefault("status", "up" if last_ping else "new")
    values.setdefault("status_since", last_ping or NOW)
    heartbeat = HeartbeatCheck(
        **_monitor_values(user, "Nightly backup")
        | {"expected_period": 60, "grace_period": 30, "is_active": status != "paused"}
        | values
    )
    if last_ping:
        deadlines = heartbeat.schedule.deadlines(last_ping)
        heartbeat.next_expected_ping = deadlines.late_at
        heartbeat.down_at = deadlines.down_at
        heartbeat.overdue_at = overdue_at(Status(status), deadlines)
    return _counted(heartbeat)


def make_service(user: User, **values: Any) -> Service:
    """A service of the user's personal team, looked at every minute and never yet.

    With `last_check_at` it is up and was healthy, unless `status` and `last_result` say otherwise.
    """
    checked = values.get("last_check_at")
    status = values.setdefault("status", "up" if checked else "new")
    values.setdefault("status_since", checked or NOW)
    if checked:
        values.setdefault("last_result", "healthy")
    paused = status == "paused"
    service = Service(
        **_monitor_values(user, "Website")
        | {
            "target": "http://127.0.0.1:9/",
            "probe": "http",
            "is_active": not paused,
            "next_check_at": None if paused else NOW,
        }
        | values
    )
    return _counted(service)


def make_process(user: User, **values: Any) -> Process:
    """A long-lived process of the user's personal team, heard of just now and up."""
    status = values.setdefault("status", "up")
    defaults = {"status_since": NOW, "last_heartbeat": NOW, "keep_alive": True}
    return _counted(
        Process(
            **_monitor_values(user, "Import")
            | {"is_active": status != "paused"}
            | defaults
            | values
        )
    )


def make_host(user: User, **values: Any) -> Host:
    """A host of the user's personal team that has never reported, or is up since it did last."""
    reported = values.get("last_report_at")
    status = values.setdefault("status", "up" if reported else "new")
    values.setdefault("status_since", reported or NOW)
    return _counted(
        Host(**_monitor_values(user, "web-1") | {"is_active": status != "paused"} | values)
    )


def _monitor_values(user: User, name: str) -> dict[str, Any]:
    return {
        "team_id": team_of(user).id,
        "slug": secrets.token_urlsafe(16),
        "name": name,
        "created_at": NOW,
        "updated_at": NOW,
    }


Kind = TypeVar("Kind", bound=Monitor)


def _counted(monitor: Kind) -> Kind:
    with writing() as session:
        session.add(monitor)
        session.flush()
        counts.shift(session, {CountKey(monitor.team_id, monitor.kind, monitor.status): 1})
    return monitor


def make_channel(user: User, kind: str = "webhook", **values: Any) -> Channel:
    """A channel of the user's personal team; `settings` is what its kind declares."""
    defaults: dict[str, Any] = {
        "webhook": {"url": "http://127.0.0.1:9/hook", "method": "POST", "headers": ""},
        "telegram": {"bot_token": "123:abc", "chat_id": "42"},
    }
    channel = Channel(
        **{
            "team_id": team_of(user).id,
            "kind": kind,
            "name": f"{kind.capitalize()} of {user.name}",
            "settings": defaults.get(kind, {}),
            "created_at": NOW,
            "updated_at": NOW,
        }
        | values
    )
    with writing() as session:
        session.add(channel)
    return channel
