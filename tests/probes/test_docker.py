from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentinelweb.core.results import ProbeResult, Result
from tests.probes.conftest import PATIENCE, Look
from tests.support.docker_engine import DockerEngine

LookAt = Callable[..., ProbeResult]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DockerEngine]:
    with DockerEngine(tmp_path / "docker.sock") as engine:
        yield engine


@pytest.fixture
def look_at(look: Look, engine: DockerEngine) -> LookAt:
    """One look at a container of the engine."""

    def look_at_container(name: str, timeout: float = PATIENCE) -> ProbeResult:
        return look(f"docker:{name}", timeout=timeout, network={"docker_host": engine.url})

    return look_at_container


@pytest.mark.parametrize("health", [None, {"Status": "healthy"}, {"Status": "starting"}])
def test_a_container_that_runs_is_healthy(
    look_at: LookAt, engine: DockerEngine, health: dict[str, str] | None
) -> None:
    engine.containers["web"] = {"Status": "running", "Health": health}
    found = look_at("web")
    assert (found.result, found.reason) == (Result.HEALTHY, "")
    assert found.latency_ms is not None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"Status": "exited", "ExitCode": 137}, "Container exited"),
        ({"Status": "paused"}, "Container paused"),
        ({"Status": "restarting"}, "Container restarting"),
        ({"Status": "created"}, "Container created"),
        ({"Status": "something new"}, "Container not running"),
        ({"Status": "running", "Health": {"Status": "unhealthy"}}, "Container unhealthy"),
    ],
)
def test_any_other_state_is_down_and_is_the_reason(
    look_at: LookAt, engine: DockerEngine, state: dict[str, object], reason: str
) -> None:
    engine.containers["web"] = state
    found = look_at("web")
    assert (found.result, found.reason) == (Result.DOWN, reason)


def test_a_container_that_is_not_there_is_down(look_at: LookAt) -> None:
    found = look_at("web")
    assert (found.result, found.reason) == (Result.DOWN, "Container not found")


def test_without_a_socket_nothing_is_known(look: Look, tmp_path: Path) -> None:
    found = look("docker:web", network={"docker_host": f"unix://{tmp_path}/none.sock"})
    assert (found.result, found.reason) == (Result.UNKNOWN, "Docker not reachable")


def test_a_socket_without_an_engine_is_our_own_failure(look: Look, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "docker.sock"))
    found = look("docker:web", network={"docker_host": f"unix://{tmp_path}/docker.sock"})
    assert (found.result, found.reason) == (Result.UNKNOWN, "Docker not reachable")


def test_an_engine_that_hangs_times_out(look_at: LookAt, engine: DockerEngine) -> None:
    engine.containers["web"] = {"Status": "running"}
    engine.delay = 0.5
    found = look_at("web", timeout=0.1)
    assert (found.result, found.reason) == (Result.TIMEOUT, "Timeout")


@pytest.mark.parametrize("name", ["../images", "a/b", "a?b", "-a", ".a", "a b", "a%2Fb", "ü"])
def test_a_name_that_leads_elsewhere_in_the_api_is_refused(look_at: LookAt, name: str) -> None:
    with pytest.raises(ValueError, match=r"Enter it as in|not allowed"):
        look_at(name)


def test_the_forms_of_seed_and_people_mean_the_same(look_at: LookAt, engine: DockerEngine) -> None:
    engine.containers["my_web-1.x"] = {"Status": "running"}
    for name in ("my_web-1.x", "//my_web-1.x", "/my_web-1.x"):
        assert look_at(name).result is Result.HEALTHY
