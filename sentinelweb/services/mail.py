"""Mail by the server of SMTP_URL. What cannot be sent is logged, never raised into a view."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from flask import Flask, current_app

from sentinelweb.extensions import settings

TIMEOUT = 10  # seconds, for each step of the conversation

log = structlog.get_logger(__name__)

# A thread and not an RQ task: a reset link must not lie in Redis's append-only file, mails must go
# out while Redis is away, and a person who waits in vain simply asks again.
_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def is_configured() -> bool:
    return settings().smtp_url is not None


def send(recipient: str, subject: str, body: str) -> bool:
    """Send a text mail; return whether the server took it."""
    if not is_configured():
        return False
    try:
        message = _compose(recipient, subject, body)
        with _connect(settings().smtp_url or "") as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        log.warning("mail_not_sent", subject=subject, error=str(error))
        return False
    log.info("mail_sent", subject=subject)
    return True


def in_background(work: Callable[[], object]) -> None:
    """Run `work` after the answer is decided, with the current application.

    What is looked up and sent there cannot be guessed from how long the answer took.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the documented way into a thread

    def run() -> None:
        with app.app_context():
            try:
                work()
            except Exception:
                log.exception("background_mail_failed")

    _sender.submit(run)


def _compose(recipient: str, subject: str, body: str) -> EmailMessage:
    sender = settings().mail_from
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = formatdate()
    # Its default asks the name server who we are, which may take long.
    message["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    message.set_content(body)
    return message


def _connect(url: str) -> smtplib.SMTP:
    """A connection that is greeted, encrypted and logged in as the URL says."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    starttls = parse_qs(parts.query).get("starttls") == ["1"]
    # Named for the greeting, because the default asks the name server.
    own_name = urlsplit(settings().local_url).hostname
    tls = ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, parts.port or 465, own_name, timeout=TIMEOUT, context=tls)
    else:
        port = parts.port or (587 if starttls else 25)
        server = smtplib.SMTP(host, port, own_name, timeout=TIMEOUT)
    try:
        if starttls:
            server.starttls(context=tls)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server
