"""The environment's services, as seeds 002 and 004 write them."""

from __future__ import annotations

import pytest

from sentinelweb.service_variables import ServiceVariable, parse, parse_headers


def names(environ: dict[str, str]) -> list[str]:
    return [service.name for service in parse(environ)[0]]


def problems(environ: dict[str, str]) -> list[str]:
    return [str(problem) for problem in parse(environ)[1]]


def test_names_come_first_and_in_their_order_then_what_they_do_not_list() -> None:
    environ = {
        "SERVICE_NAMES": "strapi, nextjs,strapi",
        "SERVICE_URL_nextjs": "https://www.example.com",
        "SERVICE_URL_strapi": "https://cms.example.com",
        "SERVICE_URL_db": "docker:postgres",
    }
    assert names(environ) == ["strapi", "nextjs", "db"]
    assert problems(environ) == []


def test_a_url_alone_is_a_service() -> None:
    assert parse({"SERVICE_URL_api": "https://api.example.com"}) == (
        [ServiceVariable("api", "https://api.example.com")],
        [],
    )


def test_a_name_finds_its_variables_in_any_case_and_without_hyphens() -> None:
    environ = {
        "SERVICE_NAMES": "my-api",
        "SERVICE_URL_MY_API": "https://api.example.com",
        "SERVICE_HEADERS_my_api": "X-Check:1",
    }
    assert parse(environ) == (
        [ServiceVariable("my-api", "https://api.example.com", {"X-Check": "1"})],
        [],
    )


def test_quotes_that_a_file_left_are_taken_off() -> None:
    environ = {"SERVICE_URL_nginx": '"docker:my-nginx"', "SERVICE_NAMES": "'nginx'"}
    assert parse(environ)[0] == [ServiceVariable("nginx", "docker:my-nginx")]


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        (
            "x-health-check:true,Authorization:Bearer my-token",
            {"x-health-check": "true", "Authorization": "Bearer my-token"},
        ),
        (
            "Accept: text/html,application/xml , X-A : 1",
            {"Accept": "text/html,application/xml", "X-A": "1"},
        ),
        ("Date:Mon, 05 Jan 2026 10:00:00 GMT", {"Date": "Mon, 05 Jan 2026 10:00:00 GMT"}),
        ("Referer:a,https://example.com/", {"Referer": "a,https://example.com/"}),
        ("X-Empty:", {"X-Empty": ""}),
        ("", {}),
    ],
)
def test_a_comma_may_be_part_of_a_header(text: str, headers: dict[str, str]) -> None:
    assert parse_headers(text) == (headers, False)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SERVICE_NAMES": "api"}, "SERVICE_NAMES: api has no SERVICE_URL_api"),
        ({"SERVICE_URL_api": " "}, "SERVICE_URL_api: is empty"),
        ({"SERVICE_HEADERS_api": "A:1"}, "SERVICE_HEADERS_api: there is no SERVICE_URL_api"),
        (
            {"SERVICE_URL_a": "http://a", "SERVICE_HEADERS_a": "secret"},
            "SERVICE_HEADERS_a: is not a list such as Name:value,Name:value",
        ),
        (
            {"SERVICE_URL_a": "http://a", "SERVICE_HEADERS_a": "A:1\nB: 2"},
            "SERVICE_HEADERS_a: is not a list such as Name:value,Name:value",
        ),
        (
            {"SERVICE_URL_" + "x" * 201: "http://a"},
            f"SERVICE_URL_{'x' * 201}: the name has more than 200 characters",
        ),
    ],
)
def test_what_cannot_be_used_is_named_without_its_value(environ: dict[str, str], said: str) -> None:
    assert problems(environ) == [said]
