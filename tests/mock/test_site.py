"""Switching: by scripts, by forms, and what of it is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import requests

from tests.support.mock import Mock
from tests.support.page_rules import parse
from tests.support.stack import ROOT, clean_environment


def post(mock: Mock, path: str, **options: Any) -> requests.Response:
    return requests.post(f"{mock.url}{path}", timeout=10, allow_redirects=False, **options)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"mode": "exploded"}, "The mode must be one of healthy, slow, broken"),
        ({"mode": None}, "The mode must be one of"),
        ({"mode": ["broken"]}, "The mode must be one of"),
        ({"status": "many"}, "status must be a whole number from 200 to 599."),
        ({"status": 600}, "status must be a whole number from 200 to 599."),
        ({"status": True}, "status must be a whole number"),
        ({"status": "5" * 5_000}, "status must be a whole number"),
        ({"latency_ms": -1}, "latency_ms must be a whole number from 0 to 60000."),
        ({"period": "3\0"}, "period must be a whole number"),
        ({"color": "red"}, "A target has nothing called color."),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence(
    values: dict[str, object], sentence: str, mock: Mock
) -> None:
    answer = post(mock, "/target/shop/mode", json=values)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert mock.state()["targets"]["shop"]["mode"] == "healthy"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\0", b"[" * 5_000])
def test_a_body_that_is_no_object_is_refused(body: bytes, mock: Mock) -> None:
    headers = {"Content-Type": "application/json"}
    answer = post(mock, "/target/shop/mode", data=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json() == {"error": "The body must be a JSON object."}


def test_a_form_that_cannot_be_read_is_refused(mock: Mock) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    assert post(mock, "/target/shop/mode", data=b"x", headers=headers).status_code == 422


def test_a_script_gets_the_new_state(mock: Mock) -> None:
    answer = post(mock, "/target/shop/mode", json={"mode": "slow", "delay_ms": 1})
    assert answer.json()["targets"]["shop"]["mode"] == "slow"
    assert answer.json()["targets"]["shop"]["delay_ms"] == 1


def test_all_targets_are_switched_at_once(mock: Mock) -> None:
    post(mock, "/targets/mode", json={"mode": "broken"})
    assert {item["mode"] for item in mock.state()["targets"].values()} == {"broken"}


def test_a_form_switches_and_leads_back_to_the_page(mock: Mock) -> None:
    answer = post(mock, "/target/shop/mode", data={"mode": "broken"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert mock.state()["targets"]["shop"]["mode"] == "broken"


def test_what_is_wrong_with_a_form_is_said_on_the_page(mock: Mock) -> None:
    answer = post(mock, "/target/shop/mode", data={"status": "9"})
    assert answer.status_code == 422
    [alert] = parse(answer.text).query(".mock-error")
    assert "status must be a whole number from 200 to 599." in alert.to_text()


def test_a_page_of_another_site_switches_nothing(mock: Mock) -> None:
    headers = {"Origin": "https://example.com"}
    answer = post(mock, "/target/shop/mode", data={"mode": "broken"}, headers=headers)
    assert answer.status_code == 403
    assert mock.state()["targets"]["shop"]["mode"] == "healthy"


def test_the_page_shows_each_target_and_its_mode(mock: Mock) -> None:
    mock.switch("shop", mode="broken", status=503)
    page = parse(requests.get(mock.url, timeout=10).text)
    [card] = page.query("#target-shop")
    assert "Answers 503" in card.to_text()
    [pressed] = page.query("#target-shop button[aria-pressed=true]")
    assert pressed.attrs["value"] == "broken"


def test_the_page_is_in_the_readers_language(mock: Mock) -> None:
    headers = {"Accept-Language": "pt-BR,pt;q=0.9"}
    page = parse(requests.get(mock.url, headers=headers, timeout=10).text)
    assert page.query("html")[0].attrs["lang"] == "pt-BR"


def test_a_poll_of_what_has_not_changed_is_empty(mock: Mock) -> None:
    page = requests.get(mock.url, timeout=10).text
    [address] = re.findall(r'hx-get="([^"]+)"', page)
    assert requests.get(f"{mock.url}{address}", timeout=10).status_code == 204
    mock.switch("shop", mode="broken")
    headers = {"HX-Request": "true"}
    fragment = requests.get(f"{mock.url}{address}", headers=headers, timeout=10)
    assert fragment.status_code == 200
    assert fragment.text.strip().startswith('<div id="mock"')


def test_the_page_allows_no_inline_script_and_no_other_host(mock: Mock) -> None:
    policy = requests.get(mock.url, timeout=10).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sentinelweb", "mock", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_port_in_use_is_told_in_a_sentence(mock: Mock) -> None:
    port = mock.url.rpartition(":")[2]
    ended = command("--port", port)
    assert ended.returncode == 1
    assert ended.stderr.startswith("The mock controller cannot start: ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [("--targets", "0"), ("--port", "many")])
def test_a_wrong_argument_is_told_in_a_sentence(arguments: tuple[str, str]) -> None:
    ended = command(*arguments)
    assert ended.returncode == 2
    assert "must be a whole number from" in ended.stderr
