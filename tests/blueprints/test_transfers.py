"""`/transfers` as a browser without JavaScript sees it."""

import io
import json
import os
import time

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.extensions import settings
from sentinelweb.models import HeartbeatCheck
from sentinelweb.services import heartbeats, uploads
from tests.support.factories import NOW


@pytest.fixture
def browser(client, user, login):
    login(client, user)
    return client


def document(*names):
    entries = [{"slug": f"slug-of-{name}", "name": name} for name in names]
    head = {"format": "sentinelweb-team", "version": 1, "exported_at": NOW.isoformat()}
    return json.dumps({**head, "heartbeats": entries}).encode()


def send(browser, content, filename="team.json"):
    """As a browser writes it (RFC 7578)."""
    browser.get("/transfers")
    token = browser.page.query_one("[name=csrf_token]").attrs["value"]
    body = (
        f'--part\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'
        f'--part\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + content
    kind = "multipart/form-data; boundary=part"
    return browser.post("/transfers", data=body + b"\r\n--part--\r\n", content_type=kind)


def names():
    return set(db.session.scalars(sa.select(HeartbeatCheck.name)))


def test_it_is_for_those_who_are_logged_in(client, user):
    for address in ("/transfers", "/transfers/export.json", f"/transfers/{'x' * 22}"):
        assert client.get(address).location.startswith("/login")


def test_every_page_leads_to_it(browser):
    browser.get("/channels")
    assert "Export and import" in browser.text("#user-menu a[href='/transfers']")


def test_a_download_is_imported_after_it_was_looked_at(browser, user, make_heartbeat):
    heartbeat = make_heartbeat(user, token="hidden-token", alias="nightly")
    browser.get("/transfers")
    plain = browser.submit("export-form")
    assert "hidden-token" not in plain.text
    assert "attachment" in plain.headers["Content-Disposition"]
    whole = browser.get("/transfers/export.json?secrets=1&history=1")
    heartbeats.delete(user, heartbeat.id)

    answer = send(browser, whole.data)
    assert answer.status_code == 303
    browser.get(answer.location)
    assert "Created: 1" in browser.text()
    assert names() == set()
    assert browser.submit("confirm-form").location == "/transfers"
    assert names() == {"Nightly backup"}
    assert browser.get(answer.location).status_code == 404


def test_what_cannot_be_taken_is_told_before(browser):
    answer = send(browser, document("Good", ""))
    browser.get(answer.location)
    assert "heartbeats[1]" in browser.text("table")
    assert "Skipped: 1" in browser.text()


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0", b"{}"])
def test_a_bad_file_is_told_beside_its_field(browser, content):
    assert send(browser, content).status_code == 422
    assert browser.text("#file-error")


def test_without_a_file_it_asks_for_one(browser):
    assert send(browser, b"", filename="").status_code == 422
    assert "Choose a file." in browser.text("#file-error")


def test_a_file_of_two_megabytes_is_taken_and_a_huge_one_is_not(browser, monkeypatch):
    assert send(browser, document("Job") + b" " * 2_000_000).status_code == 303
    monkeypatch.setattr(uploads, "MAX_BYTES", 1_000)
    assert send(browser, document("Job") + b" " * 2_000).status_code == 422
    assert send(browser, document("Job") + b" " * 200_000).status_code == 413


def test_a_file_of_another_user_or_of_yesterday_is_not_there(browser, user, other_user):
    theirs = uploads.keep(other_user, io.BytesIO(document("Theirs")), settings())
    assert browser.get(f"/transfers/{theirs}").status_code == 404
    own = uploads.keep(user, io.BytesIO(document("Own")), settings())
    path = uploads.path_of(user, own, settings())
    assert path.stat().st_mode & 0o077 == 0
    os.utime(path, (time.time() - 4_000,) * 2)
    assert browser.get(f"/transfers/{own}").status_code == 404
    assert browser.get("/transfers/..%2f..%2fx").status_code == 404


def test_old_files_are_deleted(app, user, other_user):
    old = uploads.path_of(user, uploads.keep(user, io.BytesIO(b"x"), settings()), settings())
    os.utime(old, (time.time() - 4_000,) * 2)
    for _ in range(9):
        uploads.keep(other_user, io.BytesIO(b"x"), settings())
    assert not old.exists()
    kept = settings().data_dir / "uploads" / str(other_user.id)
    assert len(list(kept.iterdir())) == uploads.MAX_KEPT
