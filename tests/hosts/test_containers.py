from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinelweb.hosts.containers import (
    ContainerState,
    NoEngineError,
    running_containers,
    state_of,
)
from tests.support.docker_engine import DockerEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DockerEngine]:
    with DockerEngine(tmp_path / "docker.sock") as engine:
        yield engine


def test_the_containers_that_run_are_counted(engine: DockerEngine) -> None:
    assert running_containers(engine.url) == 0
    engine.containers = {
        "web": {"Status": "running"},
        "db": {"Status": "running"},
        "old": {"Status": "exited"},
    }
    assert running_containers(engine.url) == 2


def test_without_an_engine_there_is_no_number(tmp_path: Path) -> None:
    assert running_containers(f"unix://{tmp_path}/nothing.sock") is None
    assert running_containers("nonsense://x") is None


def test_a_state_has_the_engines_words(engine: DockerEngine) -> None:
    engine.containers["web"] = {"Status": "running", "Health": {"Status": "starting"}}
    engine.containers["old"] = {"Status": "exited", "Health": None}
    assert state_of("web", engine.url) == ContainerState("running", "starting")
    assert state_of("old", engine.url) == ContainerState("exited", "")
    assert state_of("none", engine.url) is None


def test_an_engine_that_is_none_is_told_from_a_container_that_is_none(engine: DockerEngine) -> None:
    engine.containers["web"] = {"Nonsense": 1}
    with pytest.raises(NoEngineError):
        state_of("web", engine.url)
