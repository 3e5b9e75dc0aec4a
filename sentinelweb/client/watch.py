"""A process in the registry, kept alive by a thread for as long as the program runs."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from sentinelweb.client.calls import Caller

URL_VARIABLE = "SENTINELWEB_URL"
KEY_VARIABLE = "SENTINELWEB_KEY"
END_WITHIN = 8.0  # seconds that a program waits at its end for SentinelWeb to be told
REGISTER_AGAIN = 10.0  # seconds between two tries to register

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Watch:
    """Registers in the background, beats three times within `expiry` seconds, and ends it.

    Without a URL and a key, from the arguments or the environment, it does nothing but say so once.
    """

    name: str
    url: str = ""
    key: str = ""
    tags: Sequence[str] = ()
    expiry: int = 30
    keep_alive: bool = True
    process_id: str = ""
    _told: dict[str, Any] = field(default_factory=dict)
    _caller: Caller = field(default_factory=Caller)
    _wake: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> Watch:
        """Begin. Returns at once: the program does not wait for its registration."""
        self.url = (self.url or os.environ.get(URL_VARIABLE, "")).rstrip("/")
        self.key = self.key or os.environ.get(KEY_VARIABLE, "")
        if not self.url or not self.key:
            self._caller.complain(f"not watched: set {URL_VARIABLE} and {KEY_VARIABLE}")
            return self
        self._caller.headers = {"Authorization": f"Bearer {self.key}"}
        self._thread = threading.Thread(target=self._beat, name="sentinelweb", daemon=True)
        self._thread.start()
        return self

    def tell(self, *, progress: float | None = None, message: str | None = None) -> None:
        """Say how far it is (0 to 100), or anything; it goes with the next heartbeat, at once."""
        if progress is not None:
            self._told["progress"] = progress
        if message is not None:
            self._told["message"] = message
        self._wake.set()

    def end(self, exit_status: int = 0, output: str = "") -> None:
        """Say that it ended, and how. Waits END_WITHIN seconds at most."""
        until = time.monotonic() + END_WITHIN
        if self._thread is None:
            return
        self._ended.set()
        self._wake.set()
        self._thread.join(END_WITHIN)
        if not self.process_id:
            self._register()  # a short run whose registration failed: tell of it all the same
        if self.process_id and time.monotonic() < until:
            self._caller.call(
                "DELETE",
                f"{self.url}/heartbeat/{self.process_id}",
                tries=3,
                until=until,
                json={"exitStatus": exit_status, "output": output, **self._message()},
            )

    def _message(self) -> dict[str, Any]:
        return {"message": self._told["message"]} if "message" in self._told else {}

    def _beat(self) -> None:
        while not self.process_id and not self._ended.is_set():
            self._register()
            if not self.process_id:
                self._ended.wait(REGISTER_AGAIN)
        while not self._ended.is_set():
            self._wake.wait(self.expiry / 3)
            self._wake.clear()
            if not self._ended.is_set():
                self._register_heartbeat()
                self._ended.wait(0.2)  # a program that tells of every row must not call for each

    def _register(self) -> None:
        kind = "long-lived" if self.keep_alive else "short-lived"
        answer = self._caller.call(
            "POST",
            f"{self.url}/process/{kind}",
            json={
                "name": self.name,
                "tags": list(self.tags),
                "expirySeconds": self.expiry,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                **self._message(),
            },
        )
        if answer is not None and answer.status_code == 201:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self.process_id = str(answer.json()["processId"])

    def _register_heartbeat(self) -> None:
        answer = self._caller.call(
            "POST", f"{self.url}/heartbeat/{self.process_id}/register", json=dict(self._told)
        )
        if answer is not None and answer.status_code == 404:
            self.process_id = ""  # somebody ended it, or the server lost it: it is still alive
            self._register()


@contextlib.contextmanager
def _running(watch: Watch) -> Iterator[Watch]:
    watch.start()
    try:
        yield watch
    except SystemExit as error:
        watch.end(_status_of(error))
        raise
    except BaseException as error:
        watch.end(1, "".join(traceback.format_exception(error))[-10_000:])
        raise
    else:
        watch.end()


def _status_of(error: SystemExit) -> int:
    """What Python's own exit makes of it."""
    if error.code is None:
        return 0
    return error.code % 256 if isinstance(error.code, int) else 1


class watched:  # noqa: N801 - used as a function: a context manager and a decorator in one
    """`with watched("Import") as process:` or `@watched("Import")`.

    An exception counts as exit status 1, is reported with its traceback, and goes on.
    """

    def __init__(self, name: str, **values: Any) -> None:
        self._name = name
        self._values = values
        self._running: contextlib.AbstractContextManager[Watch] | None = None

    def __enter__(self) -> Watch:
        self._running = _running(Watch(self._name, **self._values))
        return self._running.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        running, self._running = self._running, None
        return running.__exit__(*error) if running else None

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with _running(Watch(self._name, **self._values)):
                return function(*args, **kwargs)

        return call
