"""PulseMon's words: statuses, times, and what can be asked for."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from sentinelweb.core.pulsemon import NewMonitor, UnusableError, instant, read_monitor, status_word

BODY = {"name": " Backup ", "slug": "backup", "interval_seconds": 60, "grace_seconds": 0}


def read(**values: object) -> NewMonitor:
    return read_monitor(json.dumps({**BODY, **values}).encode())


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("new", "UNKNOWN"),
        ("up", "UP"),
        ("late", "UP"),
        ("down", "DOWN"),
        ("paused", "UNKNOWN"),
    ],
)
def test_every_status_has_a_word(status: str, word: str) -> None:
    assert status_word(status) == word


def test_a_time_is_utc_to_the_second() -> None:
    moment = datetime(2025, 9, 18, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=-3)))
    assert instant(moment) == "2025-09-18T17:00:00Z"


def test_texts_are_stripped_and_what_is_not_known_is_ignored() -> None:
    assert read(token="mine", webhook_url=" https://e.com/ ") == NewMonitor(
        name="Backup",
        slug="backup",
        interval_seconds=60,
        grace_seconds=0,
        webhook_url="https://e.com/",
    )


def test_an_empty_webhook_is_none() -> None:
    assert read(webhook_url="").webhook_url is None


@pytest.mark.parametrize(("name", "value"), [("name", "a\x1b"), ("slug", "7"), ("name", "\ud800")])
def test_what_cannot_be_used_is_a_sentence_of_its_field(name: str, value: str) -> None:
    with pytest.raises(UnusableError) as caught:
        read(**{name: value})
    [error] = caught.value.detail
    assert error["loc"] == ["body", name]
    assert not error["msg"].startswith("Value error")
