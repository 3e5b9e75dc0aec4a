"""`/transfers` as a browser without JavaScript sees it."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.blueprints import transfers
from sentinelweb.db import db, writing
from sentinelweb.extensions import settings
from sentinelweb.models import HeartbeatCheck, ImportState, TeamImport
from sentinelweb.services import exports, heartbeats, import_runs, uploads
from tests.support.factories import NOW

pytestmark = pytest.mark.usefixtures("clock")


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


def work():
    """What a worker does."""
    db.session.commit()
    import_runs.run(settings())
    db.session.rollback()
    db.session.expire_all()


def looked_at(browser, content):
    """The address of a file that was sent and looked at."""
    answer = send(browser, content)
    assert answer.status_code == 303
    work()
    return answer.location


def test_a_download_is_imported_after_it_was_looked_at(browser, user, make_heartbeat):
    heartbeat = make_heartbeat(user, token="hidden-token", alias="nightly")
    browser.get("/transfers")
    plain = browser.submit("export-form")
    assert "hidden-token" not in plain.text
    assert "attachment" in plain.headers["Content-Disposition"]
    whole = browser.get("/transfers/export.json?secrets=1&history=1")
    heartbeats.delete(user, heartbeat.id)

    address = looked_at(browser, whole.data)
    browser.get(address)
    assert "Created: 1" in browser.text()
    assert names() == set()
    assert browser.submit("confirm-form").location == address
    browser.get(address)
    assert "begins" in browser.text("#run-text")
    work()
    assert names() == {"Nightly backup"}
    browser.get(address)
    assert "Created: 1" in browser.text("#run")
    browser.get("/transfers")
    assert "team.json" in browser.text("table")


def test_a_download_is_sent_as_it_is_written(browser, user, make_heartbeat, monkeypatch):
    for number in range(3):
        make_heartbeat(user, name=f"Job {number}", description="x" * 2_000)
    monkeypatch.setattr(exports, "BATCH", 2)
    monkeypatch.setattr(transfers, "PART", 1_000)
    answer = browser.get("/transfers/export.json")
    assert "Content-Length" not in answer.headers  # its end was not known at its beginning
    assert [entry["name"] for entry in answer.json["heartbeats"]] == ["Job 0", "Job 1", "Job 2"]


def test_a_poll_gets_the_live_part_alone_and_only_if_it_is_new(browser):
    address = looked_at(browser, document("Good"))
    browser.get(address)
    browser.submit("confirm-form")
    page = browser.get(address)
    assert 'hx-trigger="every 1s, refresh"' in page.text
    poll = browser.page.query_one("#run").attrs["hx-get"]
    assert browser.get(poll, headers={"HX-Request": "true"}).status_code == 204
    work()
    fresh = browser.get(poll, headers={"HX-Request": "true"})
    assert "<html" not in fresh.text
    assert "hx-get" not in fresh.text


def test_it_says_how_far_it_is_and_that_it_was_cut_short(browser, clock):
    address = looked_at(browser, document("Good"))
    with writing() as session:
        run = session.get_one(TeamImport, address.rpartition("/")[2])
        run.state, run.claimed_at, run.updated_at = ImportState.IMPORTING, NOW, NOW
        run.due_at, run.position, run.total = NOW + import_runs.LEASE, 4_500, 10_000
    browser.get(address)
    assert browser.text("#run-text") == "4,500 of 10,000 entries"
    assert browser.page.query_one("progress").attrs["value"] == "4500"
    clock.advance(seconds=20)
    browser.get(address)
    assert "no sign of life" in browser.text("#run-text")


def test_confirming_twice_imports_once(browser):
    address = looked_at(browser, document("Good"))
    browser.get(address)
    token = browser.page.query_one("[name=csrf_token]").attrs["value"]
    for _ in range(2):
        assert browser.post(address, data={"csrf_token": token}).status_code == 303
    work()
    assert browser.post(address, data={"csrf_token": token}).status_code == 303
    assert not import_runs.is_due(NOW + timedelta(days=1))
    assert names() == {"Good"}


def test_what_is_cancelled_is_forgotten(browser):
    address = looked_at(browser, document("Good"))
    browser.get(address)
    assert browser.submit("cancel-form").location == "/transfers"
    assert browser.get(address).status_code == 404
    assert db.session.query(TeamImport).count() == 0


def test_what_cannot_be_taken_is_told_before(browser):
    browser.get(looked_at(browser, document("Good", "")))
    assert "heartbeats[1]" in browser.text("table")
    assert "Skipped: 1" in browser.text()


@pytest.mark.parametrize(
    "content", [b"hello", b"SQLite format 3\0", b"{}", b"\0" * 9, b"[" * 9_999]
)
def test_a_bad_file_is_told_beside_its_field(browser, content):
    browser.get(looked_at(browser, content))
    assert browser.text("#file-error")
    assert browser.page.query_one("#import-form")


def test_an_empty_file_is_refused_at_once(browser):
    assert send(browser, b"").status_code == 422
    assert "The file is empty." in browser.text("#file-error")


def test_without_a_file_it_asks_for_one(browser):
    assert send(browser, b"", filename="").status_code == 422
    assert "Choose a file." in browser.text("#file-error")


def test_a_file_of_two_megabytes_is_taken_and_a_huge_one_is_not(browser, monkeypatch):
    assert send(browser, document("Job") + b" " * 2_000_000).status_code == 303
    monkeypatch.setattr(uploads, "MAX_BYTES", 1_000)
    assert send(browser, document("Job") + b" " * 2_000).status_code == 422
    assert send(browser, document("Job") + b" " * 200_000).status_code == 413
    assert db.session.query(TeamImport).count() == 1


def test_an_import_of_another_team_is_not_there(browser, other_user, client, login):
    address = looked_at(browser, document("Theirs"))
    login(client, other_user)
    assert browser.get(address).status_code == 404
    browser.get("/transfers")
    token = browser.page.query_one("[name=csrf_token]").attrs["value"]
    assert browser.post(address, data={"csrf_token": token}).status_code == 404
    assert browser.get("/transfers/..%2f..%2fx").status_code == 404
    assert "team.json" not in browser.get("/transfers").text
