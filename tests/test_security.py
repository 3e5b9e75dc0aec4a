"""Headers, cookies, forged forms, and secrets that must not reach the log (security.py)."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

import pytest
import structlog
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from sentinelweb.models import User
from sentinelweb.security import CONTENT_SECURITY_POLICY
from sentinelweb.services import invitations, passwords
from tests.support.checked_client import CheckedClient
from tests.support.factories import PASSWORD

PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def cookies_of(client: CheckedClient, **request: object) -> str:
    """The Set-Cookie header of the login page."""
    return client.get("/login", **request).headers["Set-Cookie"]


def test_the_policy_allows_nothing_inline_and_no_other_host() -> None:
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", ["/login", "/nothing-here", "/ping/unknown", "/reset-password/x"])
def test_every_answer_has_the_headers(client: CheckedClient, user: User, path: str) -> None:
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: CheckedClient, user: User
) -> None:
    cookie = cookies_of(client)

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie  # there is no https here to send it by


@pytest.mark.settings(site_url="https://sentinelweb.example.com")
def test_the_cookie_is_secure_where_site_url_is_https(client: CheckedClient, user: User) -> None:
    assert "Secure" in cookies_of(client)


def test_the_cookie_is_secure_when_the_request_came_by_https(
    client: CheckedClient, user: User
) -> None:
    response = client.get("/login", base_url="https://localhost")

    assert "Secure" in response.headers["Set-Cookie"]
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.settings(trusted_proxies=1)
def test_a_trusted_proxy_is_believed_about_https(client: CheckedClient, user: User) -> None:
    assert "Secure" in cookies_of(client, headers=PROXIED)


def test_an_untrusted_proxy_is_not(client: CheckedClient, user: User) -> None:
    assert "Secure" not in cookies_of(client, headers=PROXIED)


@pytest.mark.parametrize("token", [None, "", "forged", "a.b.c", "\0", "x" * 10_000])
def test_a_form_without_the_right_token_gets_a_page_that_says_so(
    client: CheckedClient, user: User, token: str | None
) -> None:
    client.get("/login")
    data = {"email": user.email, "password": PASSWORD}
    if token is not None:
        data["csrf_token"] = token

    assert client.post("/login", data=data).status_code == 400
    assert "This form is no longer valid" in client.text("h1")


def test_the_token_of_another_session_is_refused(app: Flask, user: User) -> None:
    theirs, ours = app.test_client(), app.test_client()
    theirs.get("/login")
    token = theirs.form().query_one("[name=csrf_token]").attrs["value"]
    ours.get("/login")
    data = {"email": user.email, "password": PASSWORD, "csrf_token": token}

    assert ours.post("/login", data=data).status_code == 400


def test_a_forged_session_is_nobodys(client: CheckedClient, user: User) -> None:
    forged = URLSafeTimedSerializer("another key", salt="cookie-session")
    client.set_cookie("session", forged.dumps({"_user_id": user.get_id()}))

    assert client.get("/account").status_code == 303


def test_a_form_from_another_site_is_refused_over_https(client: CheckedClient, user: User) -> None:
    secure = {"base_url": "https://localhost"}
    client.get("/login", **secure)
    token = client.form().query_one("[name=csrf_token]").attrs["value"]
    data = {"email": user.email, "password": PASSWORD, "csrf_token": token}

    for referrer in ({}, {"Referer": "https://example.org/"}):
        assert client.post("/login", data=data, headers=referrer, **secure).status_code == 400
    ours = {"Referer": "https://localhost/login"}
    assert client.post("/login", data=data, headers=ours, **secure).status_code == 303


class TestSecretsStayOutOfTheLog:
    @pytest.fixture
    def log(self, app: Flask) -> io.StringIO:
        """Everything that is logged, as it would be printed."""
        root = logging.getLogger()
        root.setLevel(logging.DEBUG)
        (handler,) = (
            handler
            for handler in root.handlers
            if isinstance(handler, logging.StreamHandler)
            and isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
        )
        stream = io.StringIO()
        handler.setStream(stream)
        return stream

    def test_passwords(self, client: CheckedClient, user: User, log: io.StringIO) -> None:
        for password in ("a wrong secret phrase", PASSWORD):
            client.get("/login")
            client.submit(data={"email": user.email, "password": password})

        assert '"path": "/login"' in log.getvalue()
        assert "secret phrase" not in log.getvalue()
        assert PASSWORD not in log.getvalue()
        assert "$argon2" not in log.getvalue()

    @pytest.mark.parametrize("make", [passwords.reset_link, None])
    def test_links(
        self,
        app: Flask,
        client: CheckedClient,
        admin: User,
        log: io.StringIO,
        make: Callable[[User, str], str] | None,
    ) -> None:
        link = (
            make(admin, "")
            if make
            else invitations.link(invitations.invite("new@example.com", by=admin), "")
        )
        token = link.rpartition("/")[2]

        client.get(link)
        client.submit(data={"password": "short"})

        assert link.rpartition("/")[0] in log.getvalue()
        assert token not in log.getvalue()
        assert token.rpartition(".")[2] not in log.getvalue()

    def test_the_error_of_a_request_names_no_token(
        self,
        app: Flask,
        client: CheckedClient,
        user: User,
        log: io.StringIO,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        link = passwords.reset_link(user, "")
        monkeypatch.setattr(passwords, "user_of_reset_token", lambda _token: 1 / 0)
        app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)

        assert client.get(link).status_code == 500

        assert "ZeroDivisionError" in log.getvalue()
        assert link.rpartition("/")[2] not in log.getvalue()
