"""The containers of this machine, as its Docker Engine knows them."""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient

DOCKER_HOST = "unix:///var/run/docker.sock"
SECONDS = 2.0


class NoEngineError(Exception):
    """There is no Docker Engine, or it does not answer as one."""


@dataclass(frozen=True, slots=True)
class ContainerState:
    """`status` is the engine's word, such as `running`; `health` is empty if nobody checks it."""

    status: str
    health: str


def state_of(
    name: str, docker_host: str | None = None, *, seconds: float = SECONDS
) -> ContainerState | None:
    """The state of the container of that name or id; None if there is none.

    Raise NoEngineError.
    """
    with _engine(docker_host, seconds) as engine:
        from docker.errors import NotFound

        try:
            state = engine.inspect_container(name)["State"]
        except NotFound:
            return None
        return ContainerState(state["Status"], (state.get("Health") or {}).get("Status", ""))


def running_containers(docker_host: str | None = None, *, seconds: float = SECONDS) -> int | None:
    """How many containers run; None where no engine answers."""
    try:
        with _engine(docker_host, seconds) as engine:
            return len(engine.containers())
    except NoEngineError:
        return None


@contextlib.contextmanager
def _engine(docker_host: str | None, seconds: float) -> Iterator[APIClient]:
    """A connection for one question: engines are restarted, and sockets replaced."""
    address = docker_host or DOCKER_HOST
    try:
        _knock(address, seconds)
    except (OSError, ValueError) as error:
        raise NoEngineError(type(error).__name__) from None
    # Not above: it takes long to import, and most machines have no engine.
    from docker import APIClient
    from docker.errors import DockerException
    from requests import RequestException

    wrong = (DockerException, RequestException, OSError, LookupError, TypeError, ValueError)
    try:
        with contextlib.closing(
            APIClient(address, version="auto", timeout=math.ceil(seconds))
        ) as engine:
            yield engine
    except wrong as error:
        raise NoEngineError(type(error).__name__) from None


def _knock(address: str, seconds: float) -> None:
    """Raise OSError if nobody listens at a Unix socket: the library would leave its own open."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(seconds)
            knocking.connect(address.removeprefix("unix://"))
