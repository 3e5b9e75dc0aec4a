"""These tests watch the clock: two at once are enough for a machine with four cores."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running import start_stack, telegram, visit, webhook

__all__ = ["start_stack", "telegram", "visit", "webhook"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    for number, item in enumerate(mine):
        item.add_marker(pytest.mark.xdist_group(f"stack-{number % 2}"))
