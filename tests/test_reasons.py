"""The reasons of probes, for people."""

from __future__ import annotations

import pytest

from sentinelweb import reasons


@pytest.mark.parametrize(
    "reason",
    ["HTTP 500", "Timeout", "Container exited", "Certificate expires in 5 days", "", "Never heard"],
)
def test_an_english_reader_sees_the_reason_as_it_is_stored(reason: str) -> None:
    assert reasons.in_words(reason) == reason


def test_one_day_is_one_day() -> None:
    assert reasons.in_words("Certificate expires in 1 days") == "Certificate expires in 1 day"
