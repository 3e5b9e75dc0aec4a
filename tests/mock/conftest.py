from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.mock import Mock


@pytest.fixture(scope="module")
def running() -> Iterator[Mock]:
    with Mock() as mock:
        yield mock


@pytest.fixture
def mock(running: Mock) -> Mock:
    """A mock controller with nothing switched and nothing received."""
    behaviour = {"mode": "healthy", "latency_ms": 0, "jitter_ms": 0, "status": 500}
    for name in running.own_ports:
        running.switch(name, **behaviour)
    for receiver, mode in (("heartbeats", "auto"), ("alerts", "accepting")):
        running.answer_with(receiver, mode)
        running.clear(receiver)
    return running
