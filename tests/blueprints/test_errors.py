"""What is answered when a request fails."""

import contextlib

import pytest
import sqlalchemy as sa
from flask import abort

from sentinelweb.db import db
from tests.support.databases import both_databases

JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def failing(app, user):
    """`/fail/<code>` fails so; `/crash` has a bug."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail(code):
        abort(code)

    app.add_url_rule("/fail/<int:code>", view_func=fail)
    app.add_url_rule("/crash", view_func=lambda: 1 / 0)
    return app.test_client()


def rename(table, new_name):
    db.session.rollback()
    db.session.execute(sa.text(f"ALTER TABLE {table} RENAME TO {new_name}"))
    db.session.commit()


@contextlib.contextmanager
def without(table):
    rename(table, "away")
    try:
        yield
    finally:
        rename("away", table)


@pytest.mark.parametrize("code", [400, 403, 404, 405, 413, 418, 429, 500, 503])
def test_a_browser_gets_a_page(failing, code):
    response = failing.get(f"/fail/{code}", headers=BROWSER)
    assert response.status_code == code
    assert failing.text("h1")


@pytest.mark.parametrize("code", [400, 403, 404, 429, 500])
def test_a_program_gets_json(failing, code):
    response = failing.get(f"/fail/{code}", headers=JSON)
    assert response.status_code == code
    assert response.json["ok"] is False


def test_a_job_gets_json_whatever_it_accepts(failing):
    response = failing.put("/ping/some-slug", headers=BROWSER)
    assert (response.status_code, response.json["ok"]) == (405, False)
    assert "GET" in response.headers["Allow"]


def test_a_bug_tells_nothing_of_itself(failing):
    response = failing.get("/crash", headers=BROWSER)
    assert response.status_code == 500
    assert "Something went wrong" in failing.text("h1")
    assert b"ZeroDivisionError" not in response.data


@both_databases
def test_without_the_database_there_is_still_a_page(failing, app, user, login):
    login(failing, user)
    with without("users"):
        response = failing.get("/heartbeats", headers=BROWSER)
    assert response.status_code == 500
    assert "Something went wrong" in failing.text("h1")


def test_an_unknown_page_leads_back(client, user, login):
    login(client, user)
    assert client.get("/no/such/page").status_code == 404
    assert client.page.query_one('main a.button[href="/"]')


@pytest.mark.parametrize("code", [404, 429])
def test_one_who_is_logged_out_is_led_to_the_login(failing, code):
    failing.get(f"/fail/{code}", headers=BROWSER)
    assert failing.page.query_one('main a.button[href="/login"]')


def test_a_form_without_its_token_is_explained(client, user):
    assert client.post("/login", data={"email": "a"}).status_code == 400
    assert "no longer valid" in client.text("h1")


def test_a_body_that_is_too_large_is_refused(client, user):
    client.get("/login")
    response = client.submit(data={"email": "x" * 1_100_000})
    assert response.status_code == 413
