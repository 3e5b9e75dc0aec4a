"""`/api-keys` as a browser without JavaScript sees it."""

import pytest

from sentinelweb.extensions import settings
from sentinelweb.services import api_keys
from tests.support.factories import team_of


@pytest.fixture
def browser(client, user, login):
    login(client, user)
    return client


def test_it_is_for_those_who_are_logged_in(client, user):
    assert client.get("/api-keys").location.startswith("/login")


def test_every_page_leads_to_it(browser):
    browser.get("/channels")
    assert "API keys" in browser.text("#user-menu a[href='/api-keys']")


def test_a_new_key_is_shown_once(browser, user):
    browser.get("/api-keys")
    answer = browser.submit(data={"name": "Deploy script", "access": "write"})
    assert answer.status_code == 201
    secret = browser.text(".url-box code").split()[0]
    program = api_keys.authenticate(secret, settings())
    assert (program.team_id, program.can_write) == (team_of(user).id, True)
    assert answer.headers["Cache-Control"] == "no-store"

    browser.get("/api-keys")
    assert "Deploy script" in browser.text("table")
    assert "Read and change" in browser.text("table")
    assert secret not in browser.text()


@pytest.mark.parametrize("name", ["", " ", "x" * 101])
def test_a_bad_name_is_told_beside_its_field(browser, name):
    browser.get("/api-keys")
    assert browser.submit(data={"name": name}).status_code == 422
    assert browser.text("#name-error")


def test_a_key_is_revoked_after_asking(browser, user):
    key, secret = api_keys.create(user, name="Deploy script", can_write=True)
    browser.get(f"/api-keys/{key.id}/revoke")
    assert api_keys.authenticate(secret, settings())
    assert browser.submit().location == "/api-keys"
    assert api_keys.authenticate(secret, settings()) is None


def test_keys_of_other_teams_are_neither_shown_nor_revoked(browser, other_user):
    key, secret = api_keys.create(other_user, name="Their script", can_write=True)
    browser.get("/api-keys")
    assert "Their script" not in browser.text()
    token = browser.page.query_one("[name=csrf_token]").attrs["value"]
    address = f"/api-keys/{key.id}/revoke"
    assert browser.get(address).status_code == 404
    assert browser.post(address, data={"csrf_token": token}).status_code == 404
    assert api_keys.authenticate(secret, settings())
