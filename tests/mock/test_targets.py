"""What a target does when it is asked, over real connections."""

from __future__ import annotations

import time

import pytest
import requests

from tests.support.mock import Mock
from tests.support.stack import wait_until


def test_a_target_is_healthy_on_its_path_and_on_its_own_port(mock: Mock) -> None:
    for url in (mock.target("shop"), mock.own_url("shop"), f"{mock.own_url('shop')}any/path"):
        answer = requests.get(url, timeout=10)
        assert answer.status_code == 200
        assert answer.json() == {"target": "shop", "mode": "healthy", "ok": True}


def test_a_target_answers_head(mock: Mock) -> None:
    answer = requests.head(mock.target("shop"), timeout=10)
    assert answer.status_code == 200
    assert answer.content == b""


def test_a_slow_target_answers_late(mock: Mock) -> None:
    mock.switch("shop", mode="slow", delay_ms=400)
    began = time.monotonic()
    assert requests.get(mock.target("shop"), timeout=30).status_code == 200
    assert time.monotonic() - began >= 0.4


def test_latency_has_jitter(mock: Mock) -> None:
    mock.switch("shop", latency_ms=30, jitter_ms=30)
    took = []
    for _look in range(8):
        began = time.monotonic()
        requests.get(mock.target("shop"), timeout=30)
        took.append(time.monotonic() - began)
    assert max(took) - min(took) > 0.003


@pytest.mark.parametrize("status", [204, 304, 404, 418, 500, 503])
def test_a_broken_target_answers_the_status_it_was_told(status: int, mock: Mock) -> None:
    mock.switch("shop", mode="broken", status=status)
    for url in (mock.target("shop"), mock.own_url("shop")):
        answer = requests.get(url, timeout=10, allow_redirects=False)
        assert answer.status_code == status


def test_a_target_that_hangs_up_gives_no_answer(mock: Mock) -> None:
    mock.switch("shop", mode="closed")
    for url in (mock.target("shop"), mock.own_url("shop")):
        with pytest.raises(requests.ConnectionError, match="without response"):
            requests.get(url, timeout=10)


def test_a_target_that_is_gone_refuses_connections_until_it_is_back(mock: Mock) -> None:
    mock.switch("shop", mode="refused")
    with pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(mock.own_url("shop"), timeout=10)
    with pytest.raises(requests.ConnectionError):
        requests.get(mock.target("shop"), timeout=10)
    mock.switch("shop", mode="healthy")
    assert requests.get(mock.own_url("shop"), timeout=10).ok


def test_a_hanging_target_never_answers_and_holds_nobody_up(mock: Mock) -> None:
    mock.switch("shop", mode="hanging")
    with pytest.raises(requests.Timeout):
        requests.get(mock.target("shop"), timeout=0.5)
    assert requests.get(mock.target("api"), timeout=10).ok


def test_a_flapping_target_fails_and_recovers_by_turns(mock: Mock) -> None:
    mock.switch("shop", mode="flapping", period=1, status=502)

    def answers(status: int) -> bool:
        return requests.get(mock.target("shop"), timeout=10).status_code == status

    for status in (502, 200, 502):
        wait_until(lambda status=status: answers(status), 20)


def test_one_target_is_switched_and_the_others_stay(mock: Mock) -> None:
    mock.switch("shop", mode="broken")
    assert requests.get(mock.target("api"), timeout=10).ok
    assert mock.state()["targets"]["shop"]["mode"] == "broken"
    assert mock.state()["targets"]["api"]["mode"] == "healthy"


def test_calls_are_counted_with_the_last_answer(mock: Mock) -> None:
    before = mock.state()["targets"]["shop"]["calls"]
    mock.switch("shop", mode="broken", status=503)
    requests.get(mock.target("shop"), timeout=10)
    target = mock.state()["targets"]["shop"]
    assert (target["calls"] - before, target["last_status"]) == (1, 503)


def test_nobody_knows_another_target(mock: Mock) -> None:
    answer = requests.get(mock.target("%00"), timeout=10)
    assert answer.status_code == 404
    assert answer.json() == {"error": "There is no target of this name."}
