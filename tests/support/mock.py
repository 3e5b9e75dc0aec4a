"""The mock controller as people start it, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any, Self

import requests

from tests.support.stack import ROOT, clean_environment


class Mock:
    """Use as a context manager. `url` is its page; `own_ports` are those of the targets."""

    def __init__(self, targets: int = 3) -> None:
        self._targets = targets
        self.url = ""
        self.own_ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "sentinelweb", "mock", "--port", "0"]
        self._process = subprocess.Popen(
            [*command, "--targets", str(self._targets)],
            cwd=ROOT,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = re.findall(r"http://\S+", self._process.stdout.readline())[0]
        for _target in range(self._targets):
            name, port = re.findall(r"target (\S+): .*:(\d+)$", self._process.stdout.readline())[0]
            self.own_ports[name] = int(port)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        assert self._process.wait(20) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()

    def target(self, name: str) -> str:
        return f"{self.url}/target/{name}"

    def own_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.own_ports[name]}/"

    def switch(self, name: str, **values: object) -> None:
        """Tell a target to behave otherwise."""
        self._post(f"/target/{name}/mode", values)

    def answer_with(self, receiver: str, mode: str) -> None:
        self._post(f"/receiver/{receiver}/mode", {"mode": mode})

    def clear(self, receiver: str) -> None:
        self._post(f"/receiver/{receiver}/clear", {})

    def received(self, receiver: str) -> list[dict[str, Any]]:
        """What a receiver has in its log, the newest first."""
        log: list[dict[str, Any]] = self.state()["receivers"][receiver]["log"]
        return log

    def state(self) -> Any:
        return requests.get(f"{self.url}/api/state", timeout=10).json()

    def _post(self, path: str, values: dict[str, object]) -> None:
        requests.post(f"{self.url}{path}", json=values, timeout=10).raise_for_status()
