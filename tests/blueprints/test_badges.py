"""`/badge/…`: what a status page shows, in a README."""

import contextlib
import json
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from sentinelweb.db import db
from sentinelweb.models import StatusChange
from sentinelweb.services import public_status, status_pages
from sentinelweb.services.status_pages import PageValues
from tests.support.databases import both_databases
from tests.support.factories import NOW

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def always_looking(monkeypatch, clock):
    monkeypatch.setattr(public_status, "FRESH_FOR", 0)


@pytest.fixture
def page(admin):
    return status_pages.create(admin, PageValues("Example", "example"))


@pytest.fixture
def job(admin, page, make_heartbeat):
    """On the page; down for a tenth of the last day."""
    job = make_heartbeat(
        admin, name="Backup", alias="backup", last_ping=NOW, created_at=NOW - timedelta(days=100)
    )
    for hours, previous, status in ((12, "up", "down"), (9.6, "down", "up")):
        at = NOW - timedelta(hours=hours)
        db.session.add(
            StatusChange(monitor_id=job.id, prev_status=previous, new_status=status, created_at=at)
        )
    status_pages.add_monitors(admin, page.id, [job.id])
    return job


def show_all(page):
    for item in status_pages.items(page):
        item.shows_tags = item.shows_latency = True
    db.session.commit()


def told(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return json.loads(answer.data)


@pytest.mark.parametrize("name", ["backup", "{id}"])
def test_a_monitor_is_found_by_its_alias_or_its_id(client, job, name):
    address = f"/badge/example/{name.format(id=job.id)}"
    assert told(client, f"{address}.json") == {
        "schemaVersion": 1,
        "label": "Backup",
        "message": "up",
        "color": "#1a7f4b",
    }
    drawn = ET.fromstring(client.get(f"{address}.svg").data)
    assert drawn.find(f"{SVG}title").text == "Backup: up"
    assert [text.text for text in drawn.iter(f"{SVG}text")] == ["Backup", "up"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("metric=uptime", "99.66%"),
        ("metric=uptime&range=24h", "90%"),
        ("metric=uptime&range=90d", "99.88%"),
        ("metric=status", "up"),
    ],
)
def test_uptime_is_of_the_range_that_is_asked_for(client, job, query, message):
    assert told(client, f"/badge/example/backup.json?{query}")["message"] == message


def test_latency_has_a_badge_where_the_page_shows_it(client, admin, page, make_service):
    service = make_service(admin, name="Shop", last_check_at=NOW, last_latency_ms=1_234.5)
    status_pages.add_monitors(admin, page.id, [service.id])
    address = f"/badge/example/{service.id}.json?metric=latency"
    assert client.get(address).status_code == 404
    show_all(page)
    assert told(client, address)["message"] == "1,234 ms"


def test_a_tag_is_as_well_as_the_worst_of_its_monitors(client, admin, page, job, make_heartbeat):
    job.tags = ["web"]
    other = make_heartbeat(admin, status="late", tags=["web"])
    status_pages.add_monitors(admin, page.id, [other.id])
    assert client.get("/badge/example/tag/web.json").status_code == 404  # it shows no tags
    show_all(page)
    assert told(client, "/badge/example/tag/web.json")["message"] == "late"
    assert told(client, "/badge/example/tag/web.json?metric=uptime&range=24h")["message"] == "90%"
    assert told(client, "/badge/example/tag/web.json")["label"] == "web"


def test_what_was_never_watched_is_unknown(client, admin, page, make_heartbeat):
    job = make_heartbeat(admin)
    status_pages.add_monitors(admin, page.id, [job.id])
    assert told(client, f"/badge/example/{job.id}.json?metric=uptime")["message"] == "unknown"


@both_databases
def test_only_what_the_page_shows_has_badges(client, admin, page, job, make_heartbeat):
    hidden = make_heartbeat(admin, alias="hidden", tags=["web"])
    for name in ("hidden", hidden.id, "none", 0, "9" * 40, "٣", "a%00b", "tag/web", "tag/%00"):
        assert client.get(f"/badge/example/{name}.svg").status_code == 404
    assert client.get("/badge/other/backup.svg").status_code == 404
    status_pages.edit(admin, page.id, PageValues("Example", "example", visibility="unlisted"))
    assert client.get("/badge/example/backup.svg").status_code == 200
    status_pages.edit(admin, page.id, PageValues("Example", "example", visibility="off"))
    assert client.get("/badge/example/backup.svg").status_code == 404


@pytest.mark.parametrize("query", ["metric=secret", "range=1y", "metric=uptime&range="])
def test_what_cannot_be_understood_is_refused(client, job, query):
    answer = client.get(f"/badge/example/backup.svg?{query}")
    assert (answer.status_code, answer.json["ok"]) == (422, False)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("Nightly", "Nightly"),
        ("<b>&\"'", "<b>&\"'"),
        ("a%00b%0A", "ab"),
        ("x" * 999, "x" * 59 + "…"),
    ],
)
def test_a_label_may_be_given_and_is_only_ever_text(client, job, given, label):
    query = {"label": given.replace("%00", "\0").replace("%0A", "\n")}
    answer = client.get("/badge/example/backup.svg", query_string=query)
    drawn = ET.fromstring(answer.data)
    assert drawn.find(f"{SVG}title").text == f"{label}: up"
    assert len(list(drawn.iter())) == 10


def test_badges_are_kept_for_a_while_by_whoever_shows_them(client, job):
    answer = client.get("/badge/example/backup.svg")
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "public, max-age=30"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers
    again = client.get(
        "/badge/example/backup.svg", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    job.status = "down"
    db.session.commit()
    again = client.get(
        "/badge/example/backup.svg", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 200


def test_while_the_database_is_away_it_is_unknown(client, page, job, monkeypatch):
    def fail(*_args):
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    assert told(client, "/badge/example/backup.json")["message"] == "up"
    monkeypatch.setattr(public_status, "OLD_AFTER", -1)
    with _listening(fail):
        for metric in ("status", "uptime"):
            badge = told(client, f"/badge/example/backup.json?metric={metric}")
            assert badge["message"] == "unknown"
        answer = client.get("/badge/other/backup.json")
        assert (answer.status_code, answer.json["ok"]) == (503, False)
    db.session.rollback()


@contextlib.contextmanager
def _listening(listener):
    event.listen(db.engine, "before_cursor_execute", listener)
    yield
    event.remove(db.engine, "before_cursor_execute", listener)
