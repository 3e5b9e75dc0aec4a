"""A whole SentinelWeb as `make run` starts it, receivers for its alerts, and a logged in person."""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Two of them at once are enough for a machine with four cores: they watch the clock.
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    for number, item in enumerate(mine):
        item.add_marker(pytest.mark.xdist_group(f"stack-{number % 2}"))


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
    """`start_stack(**settings)` starts one and waits until it is ready; the test's end ends it."""
    with ExitStack() as running:

        def start(procfile: str | None = None, **settings: object) -> Stack:
            stack = Stack(
                tmp_path,
                procfile,
                admin_email=EMAIL,
                admin_password=PASSWORD,
                telegram_api_url=telegram.url,
                **settings,
            )
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
