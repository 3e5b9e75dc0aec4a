"""Fixtures: a whole SentinelWeb as `make run` starts it, receivers for its alerts, a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.receiver import Receiver, Reply
from tests.support.stack import ROOT, Stack
from tests.support.visitor import Visitor

EMAIL = "admin@example.com"
PASSWORD = "correct horse battery staple"

StartStack = Callable[..., Stack]
Visit = Callable[[Stack], Visitor]


@pytest.fixture
def telegram() -> Iterator[Receiver]:
    """Stands in for Telegram's Bot API."""
    with Receiver() as receiver:
        receiver.default = Reply.json({"ok": True, "result": {"message_id": 1}})
        yield receiver


@pytest.fixture
def webhook() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def start_stack(tmp_path: Path, telegram: Receiver) -> Iterator[StartStack]:
    """`start_stack(**settings)` starts one and waits until it is ready; the test's end ends it.

    It has an administrator unless `set_up=False`.
    """
    with ExitStack() as running:

        def start(procfile: str | None = None, *, set_up: bool = True, **settings: object) -> Stack:
            if set_up:
                settings |= {"admin_email": EMAIL, "admin_password": PASSWORD}
            stack = Stack(tmp_path, procfile, telegram_api_url=telegram.url, **settings)
            for name in ("wsgi.py", "gunicorn.conf.py", "migrations"):
                if not (stack.directory / name).exists():
                    (stack.directory / name).symlink_to(ROOT / name)
            running.enter_context(stack)
            stack.becomes_ready()
            return stack

        yield start


@pytest.fixture
def visit() -> Iterator[Callable[[Stack], Visitor]]:
    """`visit(stack)`: the administrator, logged in."""
    with ExitStack() as visitors:

        def visit(stack: Stack) -> Visitor:
            visitor = visitors.enter_context(Visitor(f"http://127.0.0.1:{stack.port}"))
            visitor.log_in(EMAIL, PASSWORD)
            return visitor

        yield visit
