"""What of an address everybody may read."""

import pytest

from sentinelweb.core.targets import without_credentials


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("https://user:secret@example.com/health?token=secret", "https://example.com/health"),
        ("https://example.com?token=secret", "https://example.com"),
        ("https://example.com/a?x=/secret@b", "https://example.com/a"),
        ("https://example.com/#secret", "https://example.com/"),
        ("tcp://user:secret@db.example.com:5432", "tcp://db.example.com:5432"),
        ("docker:nginx", "docker:nginx"),
        ("", ""),
    ],
)
def test_it_has_no_user_password_or_query(target, shown):
    assert without_credentials(target) == shown
