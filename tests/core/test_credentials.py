import pytest

from sentinelweb.core.credentials import bearer_token, shown_key


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER   abc ", "abc"),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("abc", ""),
        ("", ""),
        ("Basic abc", ""),
        ("Bearer\tabc", ""),
    ],
)
def test_a_token_is_read_from_the_bearer_scheme_alone(header: str, token: str) -> None:
    assert bearer_token(header) == token


def test_the_admin_token_comes_before_the_bearer_token() -> None:
    assert shown_key("admin", "Bearer abc") == "admin"
    assert shown_key("", "Bearer abc") == "abc"
    assert shown_key("", "Basic abc") == ""
