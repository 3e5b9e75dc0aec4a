"""Durations as people type and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.durations import (
    UNITS,
    DurationError,
    format_duration,
    parse_duration,
    round_up,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0", 0),
        ("86400", 86_400),
        ("1h 30m", 5_400),
        ("1h30m", 5_400),
        ("30m 1h", 5_400),
        (" 2 D ", 172_800),
        ("1 week 2 days", 777_600),
        ("1 dia", 86_400),
        ("2 horas 5 minutos", 7_500),
        ("1 día", 86_400),
        ("10 seg", 10),
    ],
)
def test_what_people_type(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "-5",
        "-5m",
        "1.5h",
        "1,5h",
        "1 month",
        "1M1m",
        "1h 1h",
        "1h 30",
        "30 1h",
        "1h, 30m",
        "5 minutes ago",
        "1e3",
        "0x10",
        "²",
        "٣",
        "\x00",
        "1h\x00",
        "9" * 13,
        "9" * 5_000,
        "9" * 5_000 + "h",
        "1h" * 5_000,
        "nan",
        "inf",
    ],
)
def test_what_is_no_duration_is_refused_in_a_short_message(text):
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 100


@given(text=st.text(max_size=40))
def test_whatever_is_typed_is_a_duration_or_a_duration_error(text):
    try:
        seconds = parse_duration(text)
    except DurationError:
        return
    assert seconds >= 0


@given(seconds=st.integers(0, 10**9))
def test_all_the_units_of_a_formatted_duration_say_the_same_duration(seconds):
    assert parse_duration(format_duration(seconds, parts=len(UNITS))) == seconds


@given(seconds=st.integers(0, 10**9), parts=st.integers(1, 5))
def test_fewer_units_never_say_too_long_a_duration(seconds, parts):
    shown = parse_duration(format_duration(seconds, parts=parts))
    assert shown <= seconds
    assert seconds == 0 or shown > 0.5 * seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-5, "0s"),
        (59.9, "59s"),
        (5_400, "1h 30m"),
        (86_400, "1d"),
        (90_061, "1d 1h"),
        (30 * 86_400, "30d"),
    ],
)
def test_what_people_read(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("milliseconds", "rounded"),
    [
        (0, 1),
        (3, 5),
        (180, 200),
        (501, 1_000),
        (7_200, 10_000),
        (15_000, 15_000),
        (680_000, 900_000),
        (3_600_001, 7_200_000),
        (86_400_001, 2 * 86_400_000),
    ],
)
def test_a_scale_ends_with_a_round_duration(milliseconds, rounded):
    assert round_up(milliseconds) == rounded


@given(milliseconds=st.integers(0, 10**12))
def test_a_scale_holds_what_it_is_made_for(milliseconds):
    assert milliseconds <= round_up(milliseconds) <= max(1, milliseconds * 3)
