"""`/ping-key` as a browser without JavaScript sees it."""

import pytest

from sentinelweb.db import db
from tests.support.factories import team_of


@pytest.fixture
def browser(client, user, login):
    login(client, user)
    return client


def test_it_is_for_those_who_are_logged_in(client, user):
    assert client.get("/ping-key").location.startswith("/login")


def test_every_page_leads_to_it(browser):
    browser.get("/channels")
    assert "Ping key" in browser.text("#user-menu a[href='/ping-key']")


@pytest.mark.settings(site_url="https://monitor.example.com")
def test_it_shows_the_key_and_the_urls_that_it_makes(browser, user):
    key = team_of(user).ping_key
    browser.get("/ping-key")
    copies = [button.attrs["data-copy"] for button in browser.page.query("main [data-copy]")]
    url = f"https://monitor.example.com/ping/{key}/nightly-backup"
    curl = "curl -fsS -m 10 --retry 5"
    assert copies == [key, f'{curl} "{url}"', f'{curl} "{url}?create=1"']


def test_a_url_of_the_page_makes_a_heartbeat(browser, user):
    key = team_of(user).ping_key
    assert browser.get(f"/ping/{key}/nightly-backup?create=1").status_code == 200
    browser.get("/heartbeats")
    assert browser.text(".monitor-name") == "nightly-backup"


def test_a_new_key_is_made_after_asking(browser, user, make_heartbeat):
    make_heartbeat(user, alias="backup")
    team = team_of(user)
    old = team.ping_key
    browser.get("/ping-key")
    browser.get(f"/ping-key/{team.id}/rotate")
    assert team.ping_key == old
    assert "1 heartbeat has an alias" in browser.text("main")
    assert browser.submit().location == "/ping-key"
    assert team.ping_key != old
    browser.get("/ping-key")
    assert team.ping_key in browser.text("main")
    assert old not in browser.text()


def test_the_key_of_another_team_is_neither_shown_nor_made_anew(browser, other_user):
    team = team_of(other_user)
    key = team.ping_key
    browser.get("/ping-key")
    assert key not in browser.text()
    token = browser.page.query_one("[name=csrf_token]").attrs["value"]
    address = f"/ping-key/{team.id}/rotate"
    assert browser.get(address).status_code == 404
    assert browser.post(address, data={"csrf_token": token}).status_code == 404
    assert browser.post(address).status_code == 400
    db.session.refresh(team)
    assert team.ping_key == key
