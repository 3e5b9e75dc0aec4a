"""What nobody may read is taken out of texts."""

from __future__ import annotations

import pytest

from sentinelweb.core.masking import without_secrets


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("HTTP 500", "HTTP 500"),
        ("Connection refused", "Connection refused"),
        ("Keyword not found", "Keyword not found"),
        ("", ""),
        ("https://user:hush@example.com/a failed", "https://example.com/a failed"),
        ("https://example.com/a?token=hush failed", "https://example.com/a failed"),
        ("https://example.com/#hush", "https://example.com/"),
        ("postgresql://hush:hush@db/app: refused", "postgresql://db/app: refused"),
        ("sent Authorization: Bearer hush-hush", "sent Authorization: Bearer …"),
        ("api_key=hush; PASSWORD: hush", "api_key=… PASSWORD=…"),
    ],
)
def test_secrets_are_masked_and_reasons_are_not(text: str, masked: str) -> None:
    assert without_secrets(text) == masked
    assert "hush" not in without_secrets(text)
