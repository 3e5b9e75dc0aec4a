"""A database with heartbeats, and somebody who is logged in."""

from __future__ import annotations

import contextlib
import random
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import flask_migrate
import sqlalchemy as sa

from config import Settings
from sentinelweb import clock, create_app
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Membership, Monitor, Role, Team, User
from sentinelweb.services import counts

ROWS = 200  # heartbeats of the one who is logged in; the others are another team's

_monitors = Monitor.__table__
_heartbeats = HeartbeatCheck.__table__


@dataclass(frozen=True)
class Site:
    """`environment` is for servers, `paths` are the ping paths of all heartbeats."""

    environment: Mapping[str, str]
    paths: list[str]
    cookie: str


@contextlib.contextmanager
def site(directory: Path, name: str, heartbeats: int, database_url: str = "") -> Iterator[Site]:
    data = directory / name
    data.mkdir()
    values = {
        "data_dir": str(data),
        "database_url": database_url or f"sqlite:///{data / 'sentinelweb.db'}",
        "redis_url": "redis://127.0.0.1:9/0",  # nothing on the way of a ping needs it
        "secret_key": "the key of all benchmarks",
        "log_level": "ERROR",
        "log_format": "json",
    }
    app = create_app(Settings(_env_file=None, **values))
    with app.app_context():
        flask_migrate.upgrade()
        user_id = _fill(heartbeats)
        serializer = app.session_interface.get_signing_serializer(app)
        session = serializer.dumps({"_user_id": user_id, "_fresh": True, "session_id": "benchmark"})
        paths = [f"/ping/{slug}" for slug in db.session.scalars(sa.select(_monitors.c.slug))]
        db.session.remove()
        db.engine.dispose()
    random.shuffle(paths)
    environment = {name.upper(): value for name, value in values.items()}
    yield Site(environment, paths, f"Cookie: session={session}\r\n")
    shutil.rmtree(data)


def _fill(count: int) -> str:
    """Heartbeats that are up and long in time. Return what is in the user's session."""
    now = clock.now()
    user = User(
        email="benchmark@example.com",
        name="Benchmark",
        password_hash="",
        session_nonce="nonce",
        created_at=now,
    )
    own, other = (Team(name=name, created_at=now) for name in ("Own", "Other"))
    db.session.add_all([user, own, other, Membership(team=own, user=user, role=Role.OWNER)])
    db.session.flush()
    connection = db.session.connection()
    teams = [own.id] * ROWS + [other.id] * max(0, count - ROWS)
    monitors = [
        {
            "kind": "heartbeat",
            "team_id": team_id,
            "slug": secrets.token_urlsafe(16),
            "name": f"Nightly backup {number}",
            "description": "",
            "tags": [],
            "environment": "",
            "status": Status.UP,
            "status_since": now,
            "is_active": True,
            "position": 0,
            "created_at": now,
            "updated_at": now,
        }
        for number, team_id in enumerate(teams)
    ]
    connection.execute(sa.insert(_monitors), monitors)
    late_at = now + timedelta(days=1)
    values = {
        "expected_period": 86_400,
        "grace_period": 3_600,
        "last_ping": now,
        "next_expected_ping": late_at,
        "down_at": late_at + timedelta(hours=1),
        "overdue_at": late_at,
        "total_pings": 0,
        "missed_pings": 0,
        "alert_sent": False,
    }
    literals = [sa.literal(value, _heartbeats.c[name].type) for name, value in values.items()]
    connection.execute(
        sa.insert(_heartbeats).from_select(["id", *values], sa.select(_monitors.c.id, *literals))
    )
    db.session.commit()
    counts.recount()
    return user.get_id()
