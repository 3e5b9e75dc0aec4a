"""What the answers of a server mean for the reports that were sent to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sentinelweb.agent import sending
from sentinelweb.agent.sending import Sender
from sentinelweb.agent.settings import AgentSettings
from sentinelweb.agent.spool import Spool, Waiting
from tests.support.receiver import Call, Receiver, Reply

STORED = Reply.json({"status": "recorded", "stored": True})
REFUSED = Reply.json({"status": "refused", "errors": {"services.a": "is bad"}}, 422)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "agent.db")
    yield spool
    spool.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        receiver.default = STORED
        yield receiver


@pytest.fixture
def sender(spool: Spool, receiver: Receiver, tmp_path: Path) -> Sender:
    return Sender(AgentSettings(receiver.url, "sw_key", (), tmp_path), spool)


def report(spool: Spool, number: int) -> Waiting:
    body = {"services": {}, "n": number}
    return Waiting(spool.keep(body), body)


def sent(call: Call) -> tuple[int | None, list[int]]:
    """The number of the present report, None for a sign of life, and those of the backlog."""
    body: dict[str, Any] = call.json
    return body.get("n"), [item["n"] for item in body.get("cycles", [])]


def test_a_report_is_sent_with_the_key_and_forgotten(
    sender: Sender, spool: Spool, receiver: Receiver
) -> None:
    assert sender.send(report(spool, 1))
    [call] = receiver.calls
    assert (call.method, call.headers["Authorization"]) == ("POST", "Bearer sw_key")
    assert call.json == {"services": {}, "n": 1}
    assert len(spool) == 0


def test_what_waits_goes_along_oldest_first_a_batch_at_a_time(
    sender: Sender, spool: Spool, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 2)
    for number in range(5):
        report(spool, number)
    assert sender.send(report(spool, 5))
    assert [sent(call) for call in receiver.calls] == [(5, [0, 1]), (None, [2, 3]), (None, [4])]
    assert len(spool) == 0


def test_a_server_that_has_just_come_back_gets_a_few_batches_only(
    sender: Sender, spool: Spool, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 1)
    for number in range(9):
        report(spool, number)
    assert sender.send(report(spool, 9))
    assert len(receiver.calls) == sending.BATCHES
    assert len(spool) == 4


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(503),
        Reply(401),
        Reply(404),
        Reply(429),
        Reply(302, {"Location": "/login"}),
        Reply(close_after=10),
        Reply.json({"status": "error", "stored": False}, 500),
        Reply.json({"status": "blind", "stored": False}, 220),
    ],
)
def test_what_was_not_stored_waits(
    sender: Sender, spool: Spool, receiver: Receiver, reply: Reply
) -> None:
    receiver.answer_with(reply)
    report(spool, 0)
    assert not sender.send(report(spool, 1))
    assert len(spool) == 2
    assert sender.send(report(spool, 2))
    assert sent(receiver.calls[-1]) == (2, [0, 1])


@pytest.mark.parametrize(
    "reply",
    [
        Reply.json({"status": "blind", "stored": True}, 220),
        Reply.json({"status": "partial", "stored": True}, 221),
        Reply(200, body=b"recorded"),
        Reply(204, body=b""),
        Reply(200, body=b"[]"),
    ],
)
def test_what_was_taken_in_is_forgotten(
    sender: Sender, spool: Spool, receiver: Receiver, reply: Reply
) -> None:
    receiver.answer_with(reply)
    assert sender.send(report(spool, 1))
    assert len(spool) == 0


def test_a_backlog_that_is_refused_does_not_hold_up_the_present(
    sender: Sender, spool: Spool, receiver: Receiver
) -> None:
    receiver.default = lambda call: REFUSED if "cycles" in call.json else STORED
    report(spool, 0)
    assert sender.send(report(spool, 1))
    assert [sent(call) for call in receiver.calls] == [(1, [0]), (1, [])]
    assert len(spool) == 0


def test_a_report_that_is_refused_is_given_up(
    sender: Sender, spool: Spool, receiver: Receiver
) -> None:
    receiver.default = REFUSED
    assert not sender.send(report(spool, 1))
    assert len(spool) == 0


def test_nobody_there(spool: Spool, tmp_path: Path) -> None:
    sender = Sender(AgentSettings("http://127.0.0.1:9/", "sw_key", (), tmp_path), spool)
    assert not sender.send(report(spool, 1))
    assert len(spool) == 1


def test_trouble_is_said_once_and_its_end_once(
    sender: Sender, spool: Spool, receiver: Receiver
) -> None:
    receiver.answer_with(Reply(500), Reply(500))
    with capture_logs() as said:
        for number in range(4):
            sender.send(report(spool, number))
    assert [line["event"] for line in said] == ["reports_do_not_arrive", "reports_arrive_again"]
    assert said[0]["reason"] == "The server answers HTTP 500."
