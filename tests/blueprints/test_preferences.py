"""The theme and the language, chosen on any page."""

import pytest

from tests.support.databases import both_databases


def choose(client, name, value, referrer="http://localhost/login", **headers):
    client.get("/login")
    token = client.page.query_one("[name=csrf_token]").attrs["value"]
    return client.post(
        "/preferences",
        data={"csrf_token": token, name: value},
        headers={"Referer": referrer, **headers},
    )


def html(client):
    client.get("/login")
    return client.page.query_one("html").attrs


def test_the_theme_is_kept(client, user):
    assert choose(client, "theme", "dark").location == "/login"
    assert html(client)["data-theme"] == "dark"
    choose(client, "theme", "auto")
    assert "data-theme" not in html(client)


def test_the_language_is_kept(client, user):
    choose(client, "locale", "pt_BR")
    assert html(client)["lang"] == "pt-BR"


def test_the_language_of_a_user_goes_with_the_user(client, user, login):
    login(client, user)
    client.get("/heartbeats")
    token = client.page.query_one("[name=csrf_token]").attrs["value"]
    client.post("/preferences", data={"csrf_token": token, "locale": "es"})
    assert user.locale == "es"


@both_databases
@pytest.mark.parametrize(("name", "value"), [("theme", "neon"), ("locale", "xx"), ("locale", "\0")])
def test_what_is_not_offered_is_not_kept(client, user, name, value):
    assert choose(client, name, value).status_code == 303
    assert client.get_cookie(name) is None


def test_a_cookie_that_somebody_wrote_is_ignored(client, user):
    client.set_cookie("theme", '"><script>')
    client.set_cookie("locale", "../../etc")
    assert html(client)["lang"] == "en"
    assert "data-theme" not in html(client)


@pytest.mark.parametrize(
    ("referrer", "target"),
    [
        ("http://localhost/heartbeats?status=down&page=2", "/heartbeats?status=down&page=2"),
        ("https://evil.example.com/login", "/"),
        ("http://localhost//evil.example.com/", "/evil.example.com/"),
        ("http://localhost/\\evil.example.com/", "/evil.example.com/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_it_leads_back_to_a_page_of_ours_only(client, user, referrer, target):
    assert choose(client, "theme", "dark", referrer).location == target
