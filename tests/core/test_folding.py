"""Texts as people search them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.folding import fold


@pytest.mark.parametrize("text", ["Größe", "GRÖSSE", "grosse", "gro\u0308sse", "ＧＲＯＳＳＥ"])
def test_case_accents_and_widths_make_no_difference(text):
    assert fold(text) == "grosse"


@pytest.mark.parametrize("text", ["", "100%_done", "日本語", "\u0301"])
def test_what_has_neither_stays_or_goes(text):
    assert fold(text) == text.replace("\u0301", "")


@given(text=st.text(max_size=40))
def test_what_was_typed_in_capitals_is_found(text):
    capitals = text.upper()
    assert fold(capitals) == fold(capitals.lower())
