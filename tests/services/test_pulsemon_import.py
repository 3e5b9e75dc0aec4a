"""PulseMon's database becomes heartbeats (services/pulsemon_import.py)."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.extensions import settings
from sentinelweb.models import Channel, HeartbeatCheck, StatusChange
from sentinelweb.services import aliases, imports
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.import_report import Became
from tests.support.factories import NOW

# As seed 001 lists the columns, written by SQLAlchemy.
TABLES = """
CREATE TABLE monitors (
    id INTEGER PRIMARY KEY, slug VARCHAR, name VARCHAR, token VARCHAR, interval_seconds INTEGER,
    grace_seconds INTEGER, last_ping DATETIME, status VARCHAR, webhook_url VARCHAR,
    created_at DATETIME, updated_at DATETIME
);
CREATE TABLE history (
    id INTEGER PRIMARY KEY, slug VARCHAR, prev_status VARCHAR, new_status VARCHAR, note VARCHAR,
    created_at DATETIME
);
"""
COLUMNS = "slug, name, token, interval_seconds, grace_seconds, last_ping, status, webhook_url"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "pulsemon.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(TABLES)
    return path


def add(path, slug="backup-noite", **values):
    columns = {
        "slug": slug,
        "name": "Backup Noturno",
        "token": f"token-of-{slug}",
        "interval_seconds": 900,
        "grace_seconds": 120,
        "last_ping": None,
        "status": "UNKNOWN",
        "webhook_url": None,
        "created_at": written(NOW - timedelta(days=9)),
    } | values
    with sqlite3.connect(path) as connection:
        marks = ", ".join("?" for _ in columns)
        statement = f"INSERT INTO monitors ({', '.join(columns)}) VALUES ({marks})"
        connection.execute(statement, list(columns.values()))


def written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def imported(user, path, *, dry_run=False):
    report = imports.read_file(path, user, settings(), dry_run=dry_run)
    db.session.rollback()
    db.session.expire_all()
    return report


def heartbeats():
    return list(db.session.scalars(sa.select(HeartbeatCheck).order_by(HeartbeatCheck.id)))


def test_a_monitor_keeps_its_slug_token_schedule_and_deadline(user, path, clock):
    add(path, last_ping=written(NOW - timedelta(minutes=5)), status="UP")
    imported(user, path)
    (heartbeat,) = heartbeats()
    assert (heartbeat.alias, heartbeat.token) == ("backup-noite", "token-of-backup-noite")
    assert (heartbeat.expected_period, heartbeat.grace_period) == (900, 120)
    assert heartbeat.status == Status.UP
    assert heartbeat.last_ping == NOW - timedelta(minutes=5)
    assert heartbeat.next_expected_ping == NOW + timedelta(minutes=10)
    assert heartbeat.created_at == NOW - timedelta(days=9)
    address = ("backup-noite", "token-of-backup-noite")
    assert aliases.find_by_token([address]) == {address: heartbeat.slug}


def test_its_cron_line_goes_on_working(user, path, client):
    add(path)
    imported(user, path)
    assert client.get("/h/backup-noite/token-of-backup-noite").status_code == 200
    assert client.get("/h/backup-noite/another").status_code == 404


def test_a_webhook_becomes_a_channel_with_the_same_body(user, path):
    add(path, webhook_url="https://example.com/hook")
    add(path, "other")
    imported(user, path)
    channel = db.session.scalars(sa.select(Channel)).one()
    assert channel.settings["url"] == "https://example.com/hook"
    assert (channel.kind, channel.settings["template"]) == ("webhook", "pulsemon")
    assert [len(heartbeat.channels) for heartbeat in heartbeats()] == [1, 0]


def test_the_history_comes_along(user, path, clock):
    add(path, status="DOWN", last_ping=written(NOW - timedelta(days=2)))
    with sqlite3.connect(path) as connection:
        for previous, new, days in (("UNKNOWN", "UP", 3), ("UP", "DOWN", 1)):
            connection.execute(
                "INSERT INTO history (slug, prev_status, new_status, note, created_at)"
                " VALUES ('backup-noite', ?, ?, 'x', ?)",
                (previous, new, written(NOW - timedelta(days=days))),
            )
    imported(user, path)
    rows = db.session.scalars(sa.select(StatusChange).order_by(StatusChange.id)).all()
    assert [(row.prev_status, row.new_status) for row in rows] == [("new", "up"), ("up", "down")]
    assert heartbeats()[0].status == Status.DOWN
    assert heartbeats()[0].status_since == NOW - timedelta(days=1)


def test_doing_it_again_changes_nothing_and_a_dry_run_does_nothing(user, path):
    add(path, webhook_url="https://example.com/hook")
    dry = imported(user, path, dry_run=True)
    assert heartbeats() == []
    assert dry.lines == imported(user, path).lines
    assert {line.became for line in imported(user, path).lines} == {Became.PRESENT}


@pytest.mark.parametrize(
    "values",
    [
        {"slug": "com espaço"},
        {"slug": None},
        {"name": ""},
        {"token": "a/b"},
        {"interval_seconds": 0},
        {"interval_seconds": "often"},
        {"grace_seconds": -1},
        {"last_ping": "yesterday", "status": "UP"},
        {"name": b"\xff\xfe"},
    ],
)
def test_a_row_that_makes_no_sense_is_told_with_its_id(user, path, values):
    add(path, **values)
    add(path, "good")
    report = imported(user, path)
    (wrong,) = (line for line in report.lines if line.became is Became.SKIPPED)
    assert wrong.place == "monitors[id=1]"
    assert [row.alias for row in heartbeats()] == ["good"]


def test_a_webhook_that_cannot_be_called_is_told_and_the_monitor_taken(user, path):
    add(path, webhook_url="not an address")
    report = imported(user, path)
    assert [line.became for line in report.lines] == [Became.SKIPPED, Became.CREATED]
    assert report.lines[1].text


def test_other_databases_and_broken_ones_are_refused(user, tmp_path):
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE monitors (id INTEGER)")
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"SQLite format 3\0" + b"x" * 5_000)
    for path in (other, broken):
        with pytest.raises(InvalidInputError) as caught:
            imported(user, path)
        assert caught.value.field == "file"


def test_a_locked_database_is_told(user, path, monkeypatch):
    add(path)
    monkeypatch.setattr("sentinelweb.services.pulsemon_import.LOCKED_FOR", 0.1)
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InvalidInputError, match="stop it"):
            imported(user, path)
        connection.execute("ROLLBACK")


def test_the_file_is_not_changed(user, path):
    add(path)
    before = path.read_bytes()
    imported(user, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir() if file.name.startswith("pulsemon")] == [
        "pulsemon.db"
    ]
