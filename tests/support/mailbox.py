"""A real mail server on 127.0.0.1 that keeps what it receives."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from sentinelweb.services import mail


class Mailbox:
    """`url` is the server's SMTP_URL; `login` is the name and password that it was given."""

    def __init__(self) -> None:
        self.url = ""
        self.login: tuple[str, str] | None = None
        self.refusal = ""
        self._messages: queue.Queue[EmailMessage] = queue.Queue()

    def next(self, timeout: float = 10) -> EmailMessage:
        """The next message, which may be on its way."""
        return self._messages.get(timeout=timeout)

    @property
    def is_empty(self) -> bool:
        return self._messages.empty()

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refusal:
            return self.refusal
        assert isinstance(envelope.content, bytes)
        self._messages.put(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.login = (data.login.decode(), data.password.decode())
        return AuthResult(success=self.login == ("user@mail", "p@ss:word"), handled=False)


def finish_background_mail() -> None:
    """Wait for what is sent in the background: it needs the database, which ends with the test."""
    mail._sender.submit(lambda: None).result()


class _Controller(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # the one that the system chose
        super()._trigger_server()


@contextlib.contextmanager
def mail_server(**options: Any) -> Iterator[Mailbox]:
    """Run the server; `options` are those of aiosmtpd's SMTP."""
    mailbox = Mailbox()
    controller = _Controller(mailbox, "127.0.0.1", 0, authenticator=mailbox.authenticate, **options)
    controller.start()
    try:
        mailbox.url = f"smtp://127.0.0.1:{controller.port}"
        yield mailbox
    finally:
        controller.stop()
