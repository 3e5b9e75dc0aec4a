"""Whether there is internet: an address answers, whatever it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sentinelweb.hosts.internet import Internet, look
from tests.support.receiver import Receiver, Reply
from tests.support.stack import free_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.mark.parametrize("status", [200, 301, 404, 503])
def test_any_answer_shows_that_there_is_internet(receiver: Receiver, status: int):
    receiver.default = Reply(status)
    found = look(receiver.url, seconds=5)
    assert found.ok is True
    assert found.ping_ms is not None
    assert 0 < found.ping_ms < 5_000
    assert receiver.calls[0].method == "HEAD"


def test_no_answer_shows_that_there_is_none(receiver: Receiver):
    assert look(f"http://127.0.0.1:{free_port()}", seconds=5) == Internet(ok=False)
    receiver.default = Reply(hang=True)
    assert look(receiver.url, seconds=0.3) == Internet(ok=False)


def test_nobody_is_asked_where_that_is_not_wanted():
    assert look("none", seconds=5) == Internet()
