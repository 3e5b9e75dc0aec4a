"""The body of a ping as a page can show it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.bodies import DUMPED, show


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"done\n", "done\n"),
        ("Größe: 5 €\t✓\r\n".encode(), "Größe: 5 €\t✓\r\n"),
        (b"\x1b[1;32mok\x1b[0m \x1b[2Kdone", "ok done"),
        (b"one NUL \0 in a longer text", "one NUL \ufffd in a longer text"),
        ("Verzögerung beim Löschen der alten Dateien".encode("latin-1"), None),
    ],
)
def test_a_text_is_shown_as_one(body, text):
    shown = show(body, is_cut=False)
    assert not shown.is_dump
    assert shown.shown == len(body)
    if text is None:
        assert shown.text == "Verz\ufffdgerung beim L\ufffdschen der alten Dateien"
    else:
        assert shown.text == text


def test_half_a_character_at_the_cut_is_left_out():
    cut = "The whole costs 5 €".encode()[:-1]
    assert show(cut, is_cut=True).text == "The whole costs 5 "
    assert show(cut, is_cut=False).text == "The whole costs 5 \ufffd"


@pytest.mark.parametrize("body", [b"\0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a b".encode("utf-16")])
def test_what_is_no_text_is_dumped(body):
    shown = show(body, is_cut=False)
    assert shown.is_dump
    assert shown.text.startswith("00000000  ")
    assert body.hex(" ") in shown.text


def test_a_dump_has_rows_of_sixteen_bytes():
    rows = show(bytes(range(256)), is_cut=False).text.splitlines()
    assert len(rows) == 16
    assert rows[4] == "00000040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"


def test_a_long_dump_is_bounded_and_says_so():
    shown = show(b"\xff" * 1_000_000, is_cut=True)
    assert shown.shown == DUMPED
    assert len(shown.text) < 20_000


@given(body=st.binary(max_size=200), is_cut=st.booleans())
def test_whatever_was_sent_is_shown_in_characters_that_html_allows(body, is_cut):
    text = show(body, is_cut=is_cut).text
    assert not re.search(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", text)
    text.encode()
