"""How people get in and out, and their own page (blueprints/accounts.py)."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from config import Settings
from sentinelweb import create_app, extensions
from sentinelweb.db import db
from sentinelweb.models import User
from sentinelweb.services import accounts, invitations, passwords
from tests.conftest import Clock
from tests.support.checked_client import CheckedClient
from tests.support.databases import both_databases
from tests.support.factories import PASSWORD
from tests.support.mailbox import finish_background_mail
from tests.support.parallel import together

NEW = "a quite different password"
HOME = "/"

Login = Callable[[CheckedClient, User], None]


def users() -> list[User]:
    return list(db.session.scalars(sa.select(User).order_by(User.id)))


def log_in(
    client: CheckedClient, email: str = "user@example.com", password: str = PASSWORD, **data: str
) -> TestResponse:
    client.get("/login")
    return client.submit(data={"email": email, "password": password, **data})


def is_logged_in(client: CheckedClient) -> bool:
    return client.get("/account").status_code == 200


def path_of(link: str) -> str:
    return link.removeprefix("http://localhost")


class TestSetup:
    @pytest.mark.parametrize("path", ["/", "/heartbeats", "/login", "/register", "/nothing/here"])
    def test_without_a_user_every_page_leads_there(self, client: CheckedClient, path: str) -> None:
        response = client.get(path)

        assert (response.status_code, response.location) == (303, "/setup")

    def test_programs_and_static_files_are_not_led_there(self, client: CheckedClient) -> None:
        with client.get("/static/css/tokens.css") as response:
            assert response.status_code == 200
        assert client.get("/ping/unknown-slug").status_code == 404
        assert client.get("/health").status_code == 200

    def test_it_makes_the_administrator_and_logs_in(self, client: CheckedClient) -> None:
        client.get("/setup")

        response = client.submit(
            data={"email": "Admin@Example.com", "password": PASSWORD, "name": "Operations"}
        )

        assert (response.status_code, response.location) == (303, HOME)
        (user,) = users()
        assert (user.email, user.name, user.is_admin) == ("admin@example.com", "Operations", True)
        assert user.last_login_at is not None
        assert is_logged_in(client)

    def test_the_language_and_the_browsers_time_zone_are_kept(self, client: CheckedClient) -> None:
        client.get("/setup", headers={"Accept-Language": "pt-BR,pt;q=0.9"})
        client.submit(
            data={
                "email": "admin@example.com",
                "password": PASSWORD,
                "timezone": "America/Sao_Paulo",
            },
            headers={"Accept-Language": "pt-BR,pt;q=0.9"},
        )

        assert (users()[0].locale, users()[0].timezone) == ("pt_BR", "America/Sao_Paulo")

    def test_an_unknown_time_zone_of_the_browser_does_no_harm(self, client: CheckedClient) -> None:
        client.get("/setup")
        client.submit(
            data={"email": "admin@example.com", "password": PASSWORD, "timezone": "Mars/Base"}
        )

        assert users()[0].timezone is None

    @both_databases
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ({"email": "", "password": PASSWORD}, "Enter an e-mail address."),
            ({"email": "admin", "password": PASSWORD}, "This is not an e-mail address."),
            ({"email": "a\0@example.com", "password": PASSWORD}, "Remove the control characters."),
            ({"email": "a" * 400_000, "password": PASSWORD}, "Too long."),
            ({"email": "a@example.com", "password": ""}, "Choose a password."),
            ({"email": "a@example.com", "password": "short"}, "Use at least 10 characters."),
            ({"email": "a@example.com", "password": "x" * 400_000}, "Use at most 1000 bytes."),
            ({"email": "a@example.com", "password": "a@example.com"}, "not your e-mail address"),
            (
                {"email": "a@example.com", "password": PASSWORD, "name": "a\0b"},
                "Remove the control characters.",
            ),
            ({"email": "a@example.com", "password": PASSWORD, "name": "x" * 101}, "Too long."),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(
        self, client: CheckedClient, data: dict[str, str], reason: str
    ) -> None:
        client.get("/setup")

        response = client.submit(data=data)

        assert response.status_code == 422
        assert reason in client.text(".field-error")
        assert client.page is not None
        assert client.page.query("[aria-invalid=true]")
        assert users() == []

    def test_afterwards_it_is_closed_for_good(self, client: CheckedClient, user: User) -> None:
        assert client.get("/setup").status_code == 404
        client.get("/login")
        token = client.form().query_one("[name=csrf_token]").attrs["value"]
        data = {"email": "late@example.com", "password": PASSWORD, "csrf_token": token}
        assert client.post("/setup", data=data).status_code == 404
        assert users() == [user]

    @both_databases
    def test_of_two_who_send_it_at_once_one_succeeds(self, app: Flask) -> None:
        clients = [app.test_client() for _n in range(3)]
        for browser in clients:
            browser.get("/setup")

        def send(n: int) -> int:
            data = {"email": f"admin{n}@example.com", "password": PASSWORD}
            return clients[n].submit(data=data).status_code

        statuses = together(app, [lambda n=n: send(n) for n in range(3)])

        assert sorted(statuses) == [303, 404, 404]
        assert len(users()) == 1


@pytest.mark.usefixtures("user")
class TestLogin:
    def test_it_leads_home(self, client: CheckedClient, user: User) -> None:
        assert not is_logged_in(client)

        response = log_in(client, "USER@example.com ")

        assert (response.status_code, response.location) == (303, HOME)
        assert is_logged_in(client)
        assert user.last_login_at is not None

    @both_databases
    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("user@example.com", "wrong password"),
            ("nobody@example.com", PASSWORD),
            ("user", PASSWORD),
            ("user@example.com", "\0"),
            ("user@example.com", "x" * 400_000),
        ],
    )
    def test_what_was_wrong_is_not_told(
        self, client: CheckedClient, email: str, password: str
    ) -> None:
        response = log_in(client, email, password)

        assert response.status_code == 422
        assert "The e-mail address or the password is wrong." in client.text("main")
        assert not is_logged_in(client)

    def test_too_large_a_form_is_refused(self, client: CheckedClient) -> None:
        assert log_in(client, "x" * 2_000_000).status_code == 413

    def test_whoever_is_logged_in_is_led_on(self, client: CheckedClient) -> None:
        log_in(client)

        assert client.get("/login?next=/channels").location == "/channels"

    def test_a_page_that_asked_for_it_is_returned_to(self, client: CheckedClient) -> None:
        response = client.get("/heartbeats?search=backup&sort=name")
        target = parse_qs(urlsplit(response.location).query)["next"]
        assert target == ["/heartbeats?search=backup&sort=name"]

        client.get(response.location)
        response = client.submit(data={"email": "user@example.com", "password": PASSWORD})

        assert response.location == "/heartbeats?search=backup&sort=name"

    @pytest.mark.parametrize(
        "target",
        [
            "https://example.org/",
            "//example.org/",
            "///example.org/",
            "/\\example.org",
            "\\\\example.org",
            "/\t/example.org",
            "\n//example.org",
            "/\r\n/example.org",
            " //example.org",
            "javascript:alert(1)",
            "http:example.org",
            "example.org",
            "@example.org",
            "",
        ],
    )
    def test_another_server_is_never_led_to(self, client: CheckedClient, target: str) -> None:
        client.get("/login?" + urlencode({"next": target}))

        response = client.submit(data={"email": "user@example.com", "password": PASSWORD})

        assert (response.status_code, response.location) == (303, HOME)

    def test_the_session_ends_with_the_browser(self, client: CheckedClient) -> None:
        response = log_in(client)

        assert "Expires" not in response.headers["Set-Cookie"]

    def test_remember_me_keeps_it_for_30_days_from_the_last_use(
        self, client: CheckedClient
    ) -> None:
        log_in(client, remember="y")
        cookie = client.get_cookie("session")
        assert cookie is not None
        assert cookie.expires is not None
        lifetime = cookie.expires - datetime.now(UTC)
        assert abs(lifetime - timedelta(days=30)) < timedelta(minutes=1)
        assert "Expires" in client.get("/account").headers["Set-Cookie"]

    def test_what_was_in_the_session_before_is_gone(self, client: CheckedClient) -> None:
        client.get("/login")
        with client.session_transaction() as session:
            session["planted"] = "by somebody else"
            before = session["csrf_token"]

        client.submit(data={"email": "user@example.com", "password": PASSWORD})

        with client.session_transaction() as session:
            assert "planted" not in session
            assert session.get("csrf_token") != before

    def test_a_form_without_its_token_is_refused_with_a_page(self, client: CheckedClient) -> None:
        data = {"email": "user@example.com", "password": PASSWORD}

        response = client.post("/login", data=data)

        assert response.status_code == 400
        assert "This form is no longer valid" in client.text("h1")
        assert not is_logged_in(client)


@pytest.mark.usefixtures("user")
class TestLoginAttempts:
    def fail(self, client: CheckedClient, times: int, **values: str) -> TestResponse:
        """Send a wrong password so often; return the last answer."""
        client.get("/login")
        token = client.form().query_one("[name=csrf_token]").attrs["value"]
        email = values.get("email", "user@example.com")
        data = {"email": email, "password": "wrong password", "csrf_token": token}
        for _try in range(times):
            response = client.post(
                "/login", data=data, environ_base={"REMOTE_ADDR": values.get("address", "::1")}
            )
        return response

    def test_the_eleventh_failure_in_a_quarter_of_an_hour_is_told_to_wait(
        self, client: CheckedClient
    ) -> None:
        assert self.fail(client, 10).status_code == 422

        response = self.fail(client, 1)

        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 901
        assert "Too many attempts" in client.text("h1")
        assert "Try again in" in client.text("main")

    def test_the_right_password_must_wait_too(self, client: CheckedClient) -> None:
        self.fail(client, 10)
        client.get("/login")

        response = client.submit(
            data={"email": " USER@example.com", "password": PASSWORD},
            environ_base={"REMOTE_ADDR": "::1"},
        )

        assert response.status_code == 429
        assert not is_logged_in(client)

    def test_others_may_go_on(self, client: CheckedClient) -> None:
        self.fail(client, 11)

        assert self.fail(client, 1, email="other@example.com").status_code == 422
        assert self.fail(client, 1, address="192.0.2.1").status_code == 422

    def test_an_address_cannot_be_guessed_at_from_everywhere(self, client: CheckedClient) -> None:
        for n in range(10):
            self.fail(client, 10, address=f"192.0.2.{n}")

        assert self.fail(client, 1, address="198.51.100.1").status_code == 429

    def test_one_password_cannot_be_tried_on_everybody(self, client: CheckedClient) -> None:
        for n in range(100):
            self.fail(client, 1, email=f"user{n}@example.com", address=f"2001:db8::{n:x}")

        assert (
            self.fail(client, 1, email="x@example.com", address="2001:db8::fff").status_code == 429
        )
        assert (
            self.fail(client, 1, email="x@example.com", address="2001:db8:0:1::").status_code == 422
        )

    def test_who_comes_while_many_are_being_checked_is_asked_to_come_again(
        self, client: CheckedClient
    ) -> None:
        client.get("/login")
        with contextlib.ExitStack() as flood:
            while passwords._admitted.acquire(blocking=False):
                flood.callback(passwords._admitted.release)
            response = log_in(client)
            assert response.status_code == 429
            assert response.headers["Retry-After"] == "60"
            assert "Too many attempts" in client.text("h1")

        assert log_in(client).status_code == 303

    def test_logins_that_succeed_do_not_count(self, client: CheckedClient) -> None:
        for _time in range(11):
            assert log_in(client).status_code == 303
            client.get("/account")
            client.submit("/logout")

    @pytest.mark.settings(redis_url="unix:///nowhere/redis.sock")
    def test_without_redis_logins_work_and_are_limited(
        self, client: CheckedClient, forgetful_limiter: None
    ) -> None:
        assert self.fail(client, 10).status_code == 422
        assert self.fail(client, 1).status_code == 429
        assert log_in(client).status_code == 303
        assert is_logged_in(client)

    def test_a_redis_that_hangs_holds_nobody_up_for_long(
        self, app: Flask, settings: Settings, short_directory: Path, forgetful_limiter: None
    ) -> None:
        with socket.socket(socket.AF_UNIX) as hanging:
            hanging.bind(str(short_directory / "redis.sock"))
            hanging.listen()
            app = create_app(
                settings.model_copy(update={"redis_url": f"unix://{hanging.getsockname()}"})
            )
            app.test_client_class = CheckedClient
            with app.app_context():
                began = time.monotonic()
                assert log_in(app.test_client()).status_code == 303
                assert time.monotonic() - began < 5
                db.engine.dispose()

    @pytest.fixture
    def short_directory(self) -> Iterator[Path]:
        """A socket's path must be short."""
        with tempfile.TemporaryDirectory(prefix="sw-", dir="/tmp") as directory:
            yield Path(directory)

    @pytest.fixture
    def forgetful_limiter(self) -> Iterator[None]:
        """The limiter outlives the test's application, and would go on thinking Redis away."""
        yield
        extensions.limiter._storage_dead = False


def test_logging_out_ends_the_session(client: CheckedClient, user: User, login: Login) -> None:
    login(client, user)
    assert is_logged_in(client)

    response = client.submit("/logout")

    assert (response.status_code, response.location) == (303, "/login")
    assert not is_logged_in(client)
    assert client.get("/logout").status_code == 405


class TestCopiedCookie:
    """What whoever copied a cookie may do once its owner has logged out: nothing."""

    @pytest.fixture
    def thief(self, app: Flask, client: CheckedClient, user: User) -> CheckedClient:
        log_in(client, remember="y")
        cookie = client.get_cookie("session")
        assert cookie is not None
        thief = app.test_client()
        assert isinstance(thief, CheckedClient)
        thief.set_cookie("session", cookie.value)
        assert is_logged_in(thief)
        return thief

    def test_it_opens_nothing(self, client: CheckedClient, thief: CheckedClient) -> None:
        client.get("/account")
        client.submit("/logout")

        assert not is_logged_in(thief)

    @pytest.mark.parametrize("path", ["/login", "/health", "/static/js/app.js", "/nonsense"])
    def test_it_is_not_renewed_until_its_end_is_forgotten(
        self, client: CheckedClient, thief: CheckedClient, path: str
    ) -> None:
        client.get("/account")
        client.submit("/logout")
        cookie = thief.get_cookie("session")
        assert cookie is not None

        thief.get(path, buffered=True)

        renewed = thief.get_cookie("session")
        assert renewed is None or renewed.value == cookie.value or not renewed.expires

    def test_becoming_somebody_else_ends_the_session_before(
        self, client: CheckedClient, thief: CheckedClient, admin: User
    ) -> None:
        invitation = invitations.invite("new@example.com", by=admin)
        client.get(path_of(invitations.link(invitation, "http://localhost")))
        client.submit(data={"password": PASSWORD})

        assert not is_logged_in(thief)

    def test_other_browsers_of_the_user_go_on(
        self, app: Flask, client: CheckedClient, user: User, login: Login
    ) -> None:
        elsewhere = app.test_client()
        assert isinstance(elsewhere, CheckedClient)
        login(elsewhere, user)
        login(client, user)
        client.get("/account")

        client.submit("/logout")

        assert is_logged_in(elsewhere)


def test_a_page_behind_a_form_is_not_returned_to(client: CheckedClient, user: User) -> None:
    client.get("/login")
    token = client.form().query_one("[name=csrf_token]").attrs["value"]

    response = client.post("/account/log-out-everywhere", data={"csrf_token": token})

    assert (response.status_code, response.location) == (303, "/login")


@pytest.mark.usefixtures("user")
class TestRegister:
    def test_it_is_closed_by_default_and_says_how_to_be_invited(
        self, client: CheckedClient
    ) -> None:
        assert client.get("/register").status_code == 403
        assert "Ask an administrator" in client.text("main")

        client.get("/login")
        token = client.form().query_one("[name=csrf_token]").attrs["value"]
        data = {"email": "new@example.com", "password": PASSWORD, "csrf_token": token}
        assert client.post("/register", data=data).status_code == 403
        assert len(users()) == 1

    @pytest.mark.settings(registration="open")
    def test_open_it_makes_an_ordinary_user_and_logs_in(self, client: CheckedClient) -> None:
        client.get("/login")
        assert "Register" in client.text("main")
        client.get("/register")

        response = client.submit(data={"email": "new@example.com", "password": PASSWORD})

        assert (response.status_code, response.location) == (303, HOME)
        assert (users()[1].email, users()[1].is_admin) == ("new@example.com", False)
        assert is_logged_in(client)

    @pytest.mark.settings(registration="open")
    def test_not_without_end_from_one_address(self, client: CheckedClient) -> None:
        for status in [422] * 30 + [429]:
            client.get("/register")
            data = {"email": "nonsense", "password": PASSWORD}
            environ = {"REMOTE_ADDR": "fe80::1%eth0"}
            assert client.submit(data=data, environ_base=environ).status_code == status

    @both_databases
    @pytest.mark.settings(registration="open")
    def test_an_address_that_is_taken_is_said_so(self, client: CheckedClient) -> None:
        client.get("/register")

        response = client.submit(data={"email": "USER@example.com", "password": PASSWORD})

        assert response.status_code == 422
        assert "This e-mail address has an account already." in client.text(".field-error")

    @both_databases
    @pytest.mark.settings(registration="open")
    def test_one_address_sent_twice_at_once_makes_one_user(self, app: Flask) -> None:
        clients = [app.test_client() for _n in range(3)]
        for browser in clients:
            browser.get("/register")
        data = {"email": "new@example.com", "password": PASSWORD}

        statuses = together(
            app,
            [lambda browser=browser: browser.submit(data=data).status_code for browser in clients],
        )

        assert sorted(statuses) == [303, 422, 422]
        assert len(users()) == 2


class TestInvitation:
    @pytest.fixture
    def path(self, admin: User) -> str:
        return path_of(invitations.link(invitations.invite("new@example.com", by=admin), ""))

    def test_it_makes_the_account_and_logs_in_once(self, client: CheckedClient, path: str) -> None:
        assert client.get(path).status_code == 200
        assert client.page is not None
        assert client.page.query("input[type=email][value='new@example.com']")

        response = client.submit(data={"password": PASSWORD})

        assert (response.status_code, response.location) == (303, HOME)
        assert users()[1].email == "new@example.com"
        assert is_logged_in(client)
        assert client.get(path).status_code == 410
        assert "no longer works" in client.text("h1")

    def test_a_weak_password_is_refused(self, client: CheckedClient, path: str) -> None:
        client.get(path)

        assert client.submit(data={"password": "short"}).status_code == 422
        assert "at least 10 characters" in client.text(".field-error")

    def test_the_address_cannot_be_another(self, client: CheckedClient, path: str) -> None:
        client.get(path)
        client.submit(data={"password": PASSWORD, "email": "else@example.com"})

        assert users()[1].email == "new@example.com"

    def test_one_that_registered_meanwhile_is_told_so(
        self, client: CheckedClient, path: str
    ) -> None:
        client.get(path)
        accounts.create(accounts.Newcomer("new@example.com", PASSWORD))

        assert client.submit(data={"password": PASSWORD}).status_code == 422
        assert "has an account already" in client.text("main")

    def test_an_expired_one_says_so(self, client: CheckedClient, admin: User, clock: Clock) -> None:
        path = path_of(invitations.link(invitations.invite("new@example.com", by=admin), ""))
        clock.advance(days=7)

        assert client.get(path).status_code == 410

    @both_databases
    @pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "x" * 3_000])
    def test_a_forged_one_says_so(self, client: CheckedClient, user: User, token: str) -> None:
        assert client.get(f"/invitation/{token}").status_code == 410


class TestResetPassword:
    @pytest.fixture
    def path(self, user: User) -> str:
        return path_of(passwords.reset_link(user, ""))

    def test_it_changes_the_password_and_logs_out_everywhere(
        self, app: Flask, client: CheckedClient, user: User, login: Login, path: str
    ) -> None:
        elsewhere = app.test_client()
        login(elsewhere, user)
        client.get(path)

        response = client.submit(data={"password": NEW})

        assert (response.status_code, response.location) == (303, "/login")
        assert "Your password is changed" in (client.get("/login"), client.text("main"))[1]
        assert not is_logged_in(elsewhere)
        assert log_in(client, password=NEW).status_code == 303

    def test_it_works_once(self, client: CheckedClient, path: str) -> None:
        client.get(path)
        client.submit(data={"password": NEW})

        assert client.get(path).status_code == 410
        assert "no longer works" in client.text("h1")

    @both_databases
    def test_sent_twice_from_two_pages_it_works_once(self, app: Flask, path: str) -> None:
        clients = [app.test_client() for _n in range(3)]
        for browser in clients:
            browser.get(path)

        statuses = together(
            app,
            [
                lambda browser=browser: browser.submit(data={"password": NEW}).status_code
                for browser in clients
            ],
        )

        assert sorted(statuses) == [303, 410, 410]

    def test_it_expires_after_two_hours(
        self, client: CheckedClient, user: User, clock: Clock
    ) -> None:
        path = path_of(passwords.reset_link(user, ""))
        clock.advance(hours=2, seconds=1)

        assert client.get(path).status_code == 410

    def test_a_weak_password_is_refused(self, client: CheckedClient, path: str) -> None:
        client.get(path)

        assert client.submit(data={"password": "user@example.com"}).status_code == 422
        assert "not your e-mail address" in client.text(".field-error")

    @both_databases
    @pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "x" * 3_000])
    def test_a_forged_one_says_so(self, client: CheckedClient, user: User, token: str) -> None:
        assert client.get(f"/reset-password/{token}").status_code == 410


class TestForgotPassword:
    @pytest.fixture(autouse=True)
    def _nothing_under_way(self, app: Flask) -> Iterator[None]:
        yield
        finish_background_mail()

    def test_without_mail_the_page_says_whom_to_ask(
        self, client: CheckedClient, user: User
    ) -> None:
        assert client.get("/forgot-password").status_code == 200
        assert "Ask an administrator" in client.text("main")
        assert client.page is not None
        assert client.page.query("main form") == []

    @pytest.mark.settings(smtp_url="smtp://127.0.0.1:9")
    def test_the_answer_is_the_same_whether_an_account_exists(
        self, client: CheckedClient, user: User
    ) -> None:
        answers = []
        for email in ("user@example.com", "nobody@example.com"):
            client.get("/forgot-password")
            response = client.submit(data={"email": email})
            client.get(response.location)
            answers.append((response.status_code, response.location, client.text("main")))

        assert answers[0][2].replace("user@", "nobody@") == answers[1][2]
        assert answers[0][:2] == answers[1][:2] == (303, "/login")
        assert "If user@example.com has an account" in answers[0][2]

    @both_databases
    @pytest.mark.settings(smtp_url="smtp://127.0.0.1:9")
    @pytest.mark.parametrize("email", ["", "user", "user@example.com\0", "x" * 400_000])
    def test_what_is_no_address_is_refused(
        self, client: CheckedClient, user: User, email: str
    ) -> None:
        client.get("/forgot-password")

        assert client.submit(data={"email": email}).status_code == 422
        assert client.text(".field-error")

    @pytest.mark.settings(smtp_url="smtp://127.0.0.1:9")
    def test_nobodys_mailbox_can_be_flooded(self, client: CheckedClient, user: User) -> None:
        for status in [303] * 5 + [429]:
            client.get("/forgot-password")
            assert client.submit(data={"email": "user@example.com"}).status_code == status


class TestAccount:
    @pytest.fixture(autouse=True)
    def _logged_in(self, client: CheckedClient, user: User, login: Login) -> None:
        login(client, user)
        client.get("/account")

    def test_the_profile_is_changed_and_the_page_speaks_the_language(
        self, client: CheckedClient, user: User
    ) -> None:
        response = client.submit(
            "profile", {"name": "Night shift", "locale": "es", "timezone": "America/Bogota"}
        )

        assert (response.status_code, response.location) == (303, "/account")
        assert (user.name, user.locale, user.timezone) == ("Night shift", "es", "America/Bogota")
        assert "Guardado." in client.get("/account").text
        assert client.page is not None
        assert client.page.query("html[lang=es]")
        assert client.page.query("option[value='America/Bogota'][selected]")

    def test_the_browsers_language_and_the_servers_zone_can_be_chosen_again(
        self, client: CheckedClient, user: User
    ) -> None:
        client.submit("profile", {"locale": "es", "timezone": "America/Bogota"})
        client.get("/account")
        client.submit("profile", {"locale": "", "timezone": ""})

        assert (user.locale, user.timezone) == (None, None)

    @both_databases
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ({"name": "x" * 101}, "Too long."),
            ({"name": "a\0b"}, "Remove the control characters."),
            ({"locale": "xx"}, "Choose a language"),
            ({"timezone": "Mars/Base"}, "Choose a time zone"),
            ({"timezone": "\0"}, "Choose a time zone"),
        ],
    )
    def test_what_is_wrong_with_the_profile_is_said(
        self, client: CheckedClient, user: User, data: dict[str, str], reason: str
    ) -> None:
        assert client.submit("profile", data).status_code == 422
        assert reason in client.text("#profile .field-error")
        assert user.name == "user"

    def test_a_changed_password_logs_other_browsers_out_and_not_this_one(
        self, app: Flask, client: CheckedClient, user: User, login: Login
    ) -> None:
        elsewhere = app.test_client()
        login(elsewhere, user)

        response = client.submit("change-password", {"current_password": PASSWORD, "password": NEW})

        assert (response.status_code, response.location) == (303, "/account")
        assert is_logged_in(client)
        assert not is_logged_in(elsewhere)
        assert accounts.authenticate(user.email, NEW) == user

    def test_a_remembered_browser_stays_remembered(self, client: CheckedClient, user: User) -> None:
        with client.session_transaction() as session:
            session.permanent = True

        client.submit("change-password", {"current_password": PASSWORD, "password": NEW})

        with client.session_transaction() as session:
            assert session.permanent

    @pytest.mark.parametrize(
        ("current", "new", "reason"),
        [
            ("wrong password", NEW, "This is not your current password."),
            ("", NEW, "Enter your current password."),
            (PASSWORD, "short", "Use at least 10 characters."),
            (PASSWORD, "é" * 501, "Use at most 1000 bytes."),
            (PASSWORD, "USER@example.com", "not your e-mail address"),
        ],
    )
    def test_what_is_wrong_with_a_password_is_said(
        self, client: CheckedClient, user: User, current: str, new: str, reason: str
    ) -> None:
        response = client.submit("change-password", {"current_password": current, "password": new})

        assert response.status_code == 422
        assert reason in client.text("#change-password .field-error")
        assert client.text("#profile .field-error") == ""
        assert accounts.authenticate(user.email, PASSWORD) == user

    def test_the_current_password_cannot_be_guessed_at(self, client: CheckedClient) -> None:
        data = {"current_password": "wrong password", "password": NEW}
        for status in [422] * 10 + [429]:
            client.get("/account")
            assert client.submit("change-password", data).status_code == status

    def test_logging_out_everywhere_ends_every_session(
        self, app: Flask, client: CheckedClient, user: User, login: Login
    ) -> None:
        elsewhere = app.test_client()
        login(elsewhere, user)

        response = client.submit("/account/log-out-everywhere")

        assert (response.status_code, response.location) == (303, "/login")
        assert not is_logged_in(client)
        assert not is_logged_in(elsewhere)

    @pytest.mark.parametrize("path", ["/account", "/account/password", "/logout"])
    def test_forms_without_their_token_do_nothing(
        self, client: CheckedClient, user: User, path: str
    ) -> None:
        data = {"name": "planted", "current_password": PASSWORD, "password": NEW}

        assert client.post(path, data=data).status_code == 400
        assert user.name == "user"
        assert is_logged_in(client)


def test_a_visitor_chooses_a_language_and_keeps_it_in_the_account(
    client: CheckedClient, user: User
) -> None:
    client.get("/login")
    client.submit("/preferences", {"locale": "pt_BR"})
    client.get("/login")
    assert client.page is not None
    assert client.page.query("html[lang=pt-BR]")
