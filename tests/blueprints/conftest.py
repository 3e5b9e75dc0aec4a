from __future__ import annotations

import pytest


@pytest.fixture
def database() -> str:
    """SQLite alone, but for tests marked `both_databases`: CONTRIBUTING.md says which."""
    return "sqlite"
