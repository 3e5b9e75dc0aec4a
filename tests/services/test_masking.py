"""Headers with secret values, as a form shows and takes them."""

import pytest

from sentinelweb.services.masking import MASK, masked_headers, unmasked_headers

STORED = "Authorization: Bearer secret:1\nX-Key: secret"


def test_names_are_shown_and_values_are_not():
    assert masked_headers(STORED) == f"Authorization: {MASK}\nX-Key: {MASK}"
    assert masked_headers("") == ""


def test_the_mask_stands_for_what_is_stored():
    typed = f"authorization: {MASK}\r\nX-New: 1"
    assert unmasked_headers(typed, STORED) == "authorization: Bearer secret:1\nX-New: 1"
    assert unmasked_headers(masked_headers(STORED), STORED) == STORED


def test_where_nothing_is_stored_it_stands_for_nothing():
    with pytest.raises(ValueError, match="Write the value of X-Other"):
        unmasked_headers(f"X-Other: {MASK}", STORED)
