"""The HTTP client of the channels, against servers that behave badly."""

from __future__ import annotations

import logging
import socket
import ssl
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinelweb.outbound import OutboundError, Reach, calls, request
from tests.support.patience import slowness
from tests.support.receiver import Receiver, Reply

CERTIFICATE = Path(__file__).parent.parent / "support" / "certificates" / "localhost.pem"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(calls, "TOTAL_SECONDS", 0.6)


def test_an_answer_has_status_headers_and_body(receiver: Receiver) -> None:
    receiver.answer_with(Reply(418, {"X-Kind": "teapot"}, b"short and stout"))
    answer = request("POST", f"{receiver.url}/x?y=1", reach=Reach.PRIVATE, body=b"tea")
    assert (answer.status, answer.headers["x-kind"]) == (418, "teapot")
    assert answer.body == b"short and stout"
    assert receiver.calls[0].body == b"tea"
    assert receiver.calls[0].path == "/x?y=1"
    assert receiver.calls[0].headers["User-Agent"].startswith("SentinelWeb")


def test_a_user_and_password_in_the_url_become_a_header(receiver: Receiver) -> None:
    request("GET", f"http://me:secret@127.0.0.1:{receiver.port}/", reach=Reach.PRIVATE)
    assert receiver.calls[0].headers["Authorization"] == "Basic bWU6c2VjcmV0"


def test_a_long_body_is_cut_at_the_limit(receiver: Receiver) -> None:
    receiver.answer_with(Reply(body=b"x" * 3_000_000))
    answer = request("GET", receiver.url, reach=Reach.PRIVATE)
    assert len(answer.body) == calls.BODY_BYTES


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answer_with(Reply(302, {"Location": f"{receiver.url}/elsewhere"}))
    assert request("GET", receiver.url, reach=Reach.PRIVATE).status == 302
    assert len(receiver.calls) == 1


def test_cookies_are_forgotten(receiver: Receiver) -> None:
    receiver.answer_with(Reply(headers={"Set-Cookie": "who=me"}))
    for _ in range(2):
        request("GET", receiver.url, reach=Reach.PRIVATE)
    assert "Cookie" not in receiver.calls[1].headers


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert request("GET", receiver.url, reach=Reach.PRIVATE).status == 200


@pytest.mark.parametrize(
    "reply", [Reply(hang=True), Reply(drip=0.1), Reply(delay=2)], ids=["hangs", "drips", "is slow"]
)
def test_a_server_that_hangs_or_drips_is_left_at_the_time_limit(
    receiver: Receiver, short_limits: None, reply: Reply
) -> None:
    receiver.answer_with(reply)
    began = time.monotonic()
    with pytest.raises(OutboundError, match=r"No answer within 0\.6 seconds"):
        request("GET", receiver.url, reach=Reach.PRIVATE)
    assert time.monotonic() - began < 1 * slowness()


def test_a_body_that_drips_is_cut_at_the_time_limit(receiver: Receiver, short_limits: None) -> None:
    """The status has come: that is an answer."""
    receiver.answer_with(Reply(body=b"x" * 1_000, drip=0.002))
    began = time.monotonic()
    answer = request("GET", receiver.url, reach=Reach.PRIVATE)
    assert time.monotonic() - began < 1 * slowness()
    assert answer.status == 200
    assert 0 < len(answer.body) < 1_000


def test_a_server_that_takes_no_connection_is_left_at_the_connect_limit(
    short_limits: None,
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        try:
            with pytest.raises(OutboundError, match=r"No connection within 0\.3 seconds"):
                request("GET", f"http://127.0.0.1:{server.getsockname()[1]}", reach=Reach.PRIVATE)
        finally:
            for filler in fillers:
                filler.close()


def test_a_name_server_that_does_not_answer_is_left_at_the_time_limit(
    short_limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: time.sleep(1) or [])
    with pytest.raises(OutboundError, match="The name server did not answer"):
        request("GET", "http://hooks.example.com/", reach=Reach.PUBLIC)


def test_a_connection_closed_half_way_is_an_error(receiver: Receiver) -> None:
    receiver.answer_with(Reply(close_after=5))
    with pytest.raises(OutboundError, match="closed the connection"):
        request("GET", receiver.url, reach=Reach.PRIVATE)


def test_a_refused_connection_is_said_to_be_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OutboundError, match="nothing listens there"):
        request("GET", f"http://127.0.0.1:{port}/", reach=Reach.PRIVATE)


@pytest.mark.parametrize(
    "url", ["", "hooks", "ftp://127.0.0.1/", "http://", "http://[::1", "http://127.0.0.1:99999/"]
)
def test_what_is_no_url_is_an_error(url: str) -> None:
    with pytest.raises(OutboundError):
        request("GET", url, reach=Reach.PRIVATE)


class TestWhoMayBeReached:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"]
    )
    def test_a_private_address_only_where_it_is_allowed(
        self, receiver: Receiver, host: str
    ) -> None:
        url = f"http://{host}:{receiver.port}/"
        with pytest.raises(OutboundError, match="not allowed"):
            request("GET", url, reach=Reach.PUBLIC)
        assert receiver.calls == []
        assert request("GET", url, reach=Reach.PRIVATE).status == 200

    @pytest.mark.parametrize(
        "host",
        [
            "169.254.169.254",
            "[fe80::1]",
            "224.0.0.1",
            "[ff02::1]",
            "[::]",
            "0.0.0.0",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "192.0.0.192",
        ],
    )
    @pytest.mark.parametrize("reach", [Reach.PUBLIC, Reach.PRIVATE])
    def test_what_gives_out_credentials_multicast_and_unspecified_addresses_never(
        self, host: str, reach: Reach
    ) -> None:
        with pytest.raises(OutboundError, match="not allowed"):
            request("GET", f"http://{host}/latest/meta-data/", reach=reach)

    @pytest.mark.parametrize(
        "host",
        [
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "240.0.0.1",
            "[fd00::1]",
            "[64:ff9b::7f00:1]",
        ],
    )
    def test_addresses_that_are_not_on_the_internet_count_as_private(self, host: str) -> None:
        with pytest.raises(OutboundError, match="not allowed"):
            request("GET", f"http://{host}/", reach=Reach.PUBLIC)

    def test_the_operators_own_address_is_never_refused(self, receiver: Receiver) -> None:
        assert request("GET", receiver.url, reach=Reach.ANYWHERE).status == 200

    def test_a_name_that_changes_its_address_after_the_check_is_caught_before_a_byte_is_sent(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the name server says is believed by nobody: the kernel's word counts."""

        class Rebound(calls._TimedSocket):
            def connect(self, _address: object) -> None:
                super().connect(("127.0.0.1", receiver.port))

        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: answers)
        monkeypatch.setattr(calls, "_TimedSocket", Rebound)
        with pytest.raises(OutboundError, match=r"127\.0\.0\.1 are not allowed"):
            request("GET", "http://rebind.example.com/", reach=Reach.PUBLIC)
        assert receiver.calls == []


class TestTLS:
    @pytest.fixture
    def secure(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
        """A server with a certificate for `localhost`, which the machine trusts."""
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        calls._load_tls_context.cache_clear()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        with Receiver(tls=context) as receiver:
            yield receiver
        calls._load_tls_context.cache_clear()

    def test_the_right_host_name_is_accepted(self, secure: Receiver) -> None:
        assert (
            request("GET", f"https://localhost:{secure.port}/", reach=Reach.PRIVATE).status == 200
        )

    def test_a_wrong_host_name_is_refused(self, secure: Receiver) -> None:
        request("GET", f"https://localhost:{secure.port}/", reach=Reach.PRIVATE)
        with pytest.raises(
            OutboundError, match="certificate was not accepted: IP address mismatch"
        ):
            request("GET", f"https://127.0.0.1:{secure.port}/", reach=Reach.PRIVATE)
        assert len(secure.calls) == 1

    def test_an_unknown_authority_is_refused(
        self, secure: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        calls._load_tls_context.cache_clear()
        with pytest.raises(OutboundError, match=r"not accepted: self-signed certificate"):
            request("GET", f"https://localhost:{secure.port}/", reach=Reach.PRIVATE)

    def test_all_calls_share_one_context(self, secure: Receiver) -> None:
        for _ in range(2):
            request("GET", f"https://localhost:{secure.port}/", reach=Reach.PRIVATE)
        assert calls._load_tls_context.cache_info().misses == 1

    @pytest.mark.usefixtures("short_limits")
    def test_a_server_that_drips_is_left_at_the_time_limit(self, secure: Receiver) -> None:
        secure.answer_with(Reply(drip=0.1))
        began = time.monotonic()
        with pytest.raises(OutboundError, match="No answer within"):
            request("GET", f"https://localhost:{secure.port}/", reach=Reach.PRIVATE)
        assert time.monotonic() - began < 1 * slowness()

    @pytest.mark.usefixtures("short_limits")
    def test_a_server_that_does_not_shake_hands_is_left_at_the_time_limit(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            began = time.monotonic()
            with pytest.raises(OutboundError, match="No answer within"):
                request("GET", f"https://127.0.0.1:{server.getsockname()[1]}", reach=Reach.PRIVATE)
            assert time.monotonic() - began < 1 * slowness()

    def test_a_server_that_speaks_no_tls_is_an_error(self, receiver: Receiver) -> None:
        with pytest.raises(OutboundError, match="No secure connection"):
            request("GET", f"https://127.0.0.1:{receiver.port}/", reach=Reach.PRIVATE)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/bot123:TOKEN/sendMessage",
        "https://127.0.0.1:9/bot123:TOKEN/sendMessage",
        "http://169.254.1.1/bot123:TOKEN/sendMessage",
        f"http://{70 * 'x'}.example.com/bot123:TOKEN/sendMessage",
        "nonsense://bot123:TOKEN/sendMessage",
        "http://[bot123:TOKEN/sendMessage",
    ],
)
def test_no_error_and_no_log_line_holds_the_url(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(OutboundError) as caught:
        request("POST", url, reach=Reach.PRIVATE)
    assert "TOKEN" not in "".join(traceback.format_exception(caught.value)) + caplog.text


def test_no_log_line_of_a_call_that_succeeds_holds_the_url(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request("POST", f"{receiver.url}/bot123:TOKEN/sendMessage", reach=Reach.PRIVATE)
    assert "TOKEN" not in caplog.text
