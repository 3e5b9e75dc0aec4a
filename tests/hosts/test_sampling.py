"""The machine's own figures."""

from __future__ import annotations

import psutil
import pytest

from sentinelweb.hosts.sampling import sample


def test_every_figure_is_taken():
    figures = sample()
    for percent in (figures.cpu_percent, figures.ram_percent, figures.disk_percent):
        assert percent is not None
        assert 0 <= percent <= 100
    assert figures.ram_used_mb is not None
    assert 1 < figures.ram_used_mb < psutil.virtual_memory().total / 1_000_000
    assert figures.uptime_seconds is not None
    assert figures.uptime_seconds > 0


def test_what_the_machine_hides_is_left_out(monkeypatch: pytest.MonkeyPatch):
    def hidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(psutil, "disk_usage", hidden)
    monkeypatch.setattr(psutil, "virtual_memory", hidden)
    figures = sample()
    assert figures.disk_percent is None
    assert figures.ram_percent is None
    assert figures.uptime_seconds is not None
