"""What of an address everybody may read."""

import pytest

from sentinelweb.core.targets import user_and_host, with_scheme, with_user, without_credentials


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


@pytest.mark.parametrize(
    "bare",
    [
        "example.com", "example.com/a?b=c#d", "example.com:8080", "localhost:3000/", "localhost",
        "192.0.2.1", "[2001:db8::1]:8080/a", "example.com./",
    ],
)  # fmt: skip
def test_a_host_alone_is_taken_as_a_web_address(bare):
    assert with_scheme(bare) == f"https://{bare}"


@pytest.mark.parametrize(
    "text",
    [
        "", "https://example.com", "htp://example.com", "docker:nginx", "dns:example.com",
        "tcp://db.example.com:5432", "nginx", "a b.com", "example.com:x", "x" * 100_000,
    ],
)  # fmt: skip
def test_what_else_somebody_writes_stays_as_it_is(text):
    assert with_scheme(text) == text


@pytest.mark.parametrize(
    ("target", "user", "host"),
    [
        ("https://me:secret@example.com:1/a@b", "me:secret", "example.com:1"),
        ("https://a@b@example.com", "a@b", "example.com"),
        ("https://example.com/?q=me@home", "", "example.com"),
        ("docker:nginx", "", ""),
    ],
)
def test_user_and_host_are_told_apart(target, user, host):
    assert user_and_host(target) == (user, host)
    if user:
        assert with_user(target, "x") == target.replace(user, "x", 1)
