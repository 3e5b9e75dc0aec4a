"""Mail through a real server (services/mail.py)."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask

from sentinelweb.services import mail
from tests.support.mailbox import Mailbox, mail_server

CERTIFICATE = Path(__file__).parents[1] / "support" / "certificates" / "localhost.pem"
LOGIN = f"{quote('user@mail')}:{quote('p@ss:word')}@"


def use(app: Flask, smtp_url: str, **values: str) -> None:
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = settings.model_copy(update={"smtp_url": smtp_url, **values})


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_a_text_mail_arrives(app: Flask, mailbox: Mailbox) -> None:
    assert mail.send("user@example.com", "Café ☕", "Olá, mundo!\nhttp://localhost/x")

    message = mailbox.next()
    assert message["To"] == "user@example.com"
    assert message["From"] == "SentinelWeb <sentinelweb@localhost>"
    assert message["Subject"] == "Café ☕"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@localhost>")
    assert message["Date"]
    assert message.get_content().split() == ["Olá,", "mundo!", "http://localhost/x"]


def test_without_a_server_nothing_is_sent(app: Flask) -> None:
    assert not mail.is_configured()
    assert not mail.send("user@example.com", "Subject", "Body")


def test_starttls_and_a_login(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with mail_server(tls_context=server_context(), require_starttls=True) as mailbox:
        use(app, mailbox.url.replace("://127.0.0.1", f"://{LOGIN}localhost") + "?starttls=1")

        assert mail.send("user@example.com", "Subject", "Body")

        assert mailbox.next()["Subject"] == "Subject"
        assert mailbox.login == ("user@mail", "p@ss:word")


def test_smtps_and_a_login(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with mail_server(ssl_context=server_context(), auth_require_tls=False) as mailbox:
        use(app, mailbox.url.replace("smtp://127.0.0.1", f"smtps://{LOGIN}localhost"))

        assert mail.send("user@example.com", "Subject", "Body")

        assert mailbox.next()["Subject"] == "Subject"


class TestWhatCannotBeSentIsLoggedAndNotRaised:
    def refused(self, caplog: pytest.LogCaptureFixture) -> str:
        assert not mail.send("user@example.com", "Subject", "The link")
        log = caplog.text
        assert "mail_not_sent" in log
        assert "The link" not in log
        assert "p@ss:word" not in log
        assert quote("p@ss:word") not in log
        return log

    def test_no_server_listens(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            use(app, f"smtp://127.0.0.1:{unused.getsockname()[1]}")
            self.refused(caplog)

    def test_the_server_says_no(
        self, app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        mailbox.refusal = "554 No such mailbox"

        assert "No such mailbox" in self.refused(caplog)

    def test_the_login_is_wrong(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        with mail_server(auth_require_tls=False) as mailbox:
            use(app, mailbox.url.replace("://", "://user:wrong@"))
            self.refused(caplog)

    @pytest.mark.parametrize("query", ["?starttls=1", ""])
    def test_the_certificate_is_not_trusted(
        self, app: Flask, caplog: pytest.LogCaptureFixture, query: str
    ) -> None:
        option = "tls_context" if query else "ssl_context"
        with mail_server(**{option: server_context()}) as mailbox:
            url = mailbox.url if query else mailbox.url.replace("smtp:", "smtps:")
            use(app, f"{url}{query}")
            assert "certificate verify failed" in self.refused(caplog)

    def test_the_server_offers_no_starttls(
        self, app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        use(app, f"{mailbox.url}?starttls=1")
        self.refused(caplog)
        assert mailbox.is_empty

    def test_the_server_says_nothing(
        self, app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mail, "TIMEOUT", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            use(app, f"smtp://127.0.0.1:{silent.getsockname()[1]}")
            began = time.monotonic()
            self.refused(caplog)
        assert time.monotonic() - began < 5

    @pytest.mark.parametrize(
        "url", ["smtp://", "smtp://127.0.0.1:99999", "smtp://127.0.0.1:x", "smtp://[::1"]
    )
    def test_the_url_makes_no_sense(
        self, app: Flask, caplog: pytest.LogCaptureFixture, url: str
    ) -> None:
        use(app, url)
        self.refused(caplog)

    def test_the_sender_is_no_header(
        self, app: Flask, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        use(app, mailbox.url, mail_from="SentinelWeb\nBcc: everybody@example.com")
        self.refused(caplog)
        assert mailbox.is_empty


class TestInBackground:
    def test_the_caller_does_not_wait(self, app: Flask) -> None:
        go_on, done = threading.Event(), threading.Event()

        def work() -> None:
            assert go_on.wait(10)
            done.set()

        mail.in_background(work)

        assert not done.is_set()
        go_on.set()
        assert done.wait(10)

    def test_a_failure_is_logged_and_the_next_one_runs(
        self, app: Flask, caplog: pytest.LogCaptureFixture
    ) -> None:
        done = threading.Event()

        def fail() -> None:
            raise RuntimeError("out of paper")

        mail.in_background(fail)
        mail.in_background(done.set)

        assert done.wait(10)
        assert "background_mail_failed" in caplog.text
