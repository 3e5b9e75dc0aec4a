from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from sentinelweb.services import passwords


@pytest.fixture
def database() -> str:
    """SQLite alone, but for tests marked `both_databases`: CONTRIBUTING.md says which."""
    return "sqlite"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed as those of `factories`: guessing a hundred times took half a minute."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    dummy = hasher.hash("nobody's")
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "_dummy_hash", lambda: dummy)
