"""What waits to be sent: in order, bounded, and there again after any end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinelweb.agent.spool import Spool


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "agent.db"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    spool = Spool(path, most_reports=3)
    yield spool
    spool.close()


def numbers(spool: Spool, count: int = 100, most_bytes: int = 1_000_000, but: int = 0) -> list[int]:
    return [item.report["n"] for item in spool.oldest(count, most_bytes=most_bytes, but=but)]


def test_reports_come_back_oldest_first_except_the_present_one(spool: Spool) -> None:
    ids = [spool.keep({"n": number}) for number in range(3)]
    assert numbers(spool) == [0, 1, 2]
    assert numbers(spool, but=ids[2]) == [0, 1]
    assert numbers(spool, count=1) == [0]


def test_as_many_as_fit_come_and_one_at_least(spool: Spool) -> None:
    for number in range(3):
        spool.keep({"n": number, "text": "x" * 100})
    assert numbers(spool, most_bytes=250) == [0, 1]
    assert numbers(spool, most_bytes=1) == [0]


def test_what_has_no_room_pushes_out_the_oldest(spool: Spool) -> None:
    for number in range(5):
        spool.keep({"n": number})
    assert (numbers(spool), len(spool)) == ([2, 3, 4], 3)


def test_so_do_large_ones(path: Path) -> None:
    spool = Spool(path, most_bytes=1_000)
    for number in range(5):
        spool.keep({"n": number, "text": "x" * 400})
    assert numbers(spool) == [3, 4]
    spool.keep({"n": 5, "text": "x" * 5_000})
    assert numbers(spool) == [5]
    spool.close()


def test_what_was_kept_is_there_for_the_next_one(spool: Spool, path: Path) -> None:
    spool.keep({"n": 1})
    spool.drop([spool.keep({"n": 2}), 99])
    again = Spool(path)
    assert (numbers(again), len(again)) == ([1], 1)
    again.close()


def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"scrambled" * 1_000)
    spool = Spool(path)
    spool.keep({"n": 1})
    assert numbers(spool) == [1]
    assert path.with_suffix(".broken").read_bytes().startswith(b"scrambled")
    spool.close()
