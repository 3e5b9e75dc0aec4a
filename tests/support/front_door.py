"""The front door as a process of its own, with or without pages behind it, and a plain client."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil

from tests.support.stack import ROOT, clean_environment, ended, wait_until

ANSWER_WITHIN = 15.0  # seconds


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A connection on which a test says every byte itself."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_WITHIN)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def answer(self, *, head: bool = False) -> Answer:
        """The next answer; `head` says that it is one to HEAD."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while (header := self._file.readline()) != b"\r\n":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        status = int(line.split()[1])
        without_body = head or status in {100, 204, 304}
        return Answer(status, headers, b"" if without_body else self._body(headers))

    def is_closed(self) -> bool:
        """Whether the other side ends the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int(self._file.readline(), 16):
                parts.append(self._file.read(size))
                assert self._file.readline() == b"\r\n"
            assert self._file.readline() == b"\r\n"
            return b"".join(parts)
        if "content-length" in headers:
            return self._file.read(int(headers["content-length"]))
        return self._file.read()


def request(port: int, data: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    with Client(port) as client:
        return client.send(data).answer(head=data.startswith(b"HEAD"))


class FrontDoor(NamedTuple):
    """A running front door. `pages` is the socket at which it asks for pages."""

    port: int
    process: subprocess.Popen[bytes]
    vitals: psutil.Process
    pages: Path
    log: Path

    def client(self) -> Client:
        return Client(self.port)

    def request(self, data: bytes) -> Answer:
        return request(self.port, data)

    def ping(self, path: str) -> Answer:
        return self.request(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())


@contextlib.contextmanager
def front_door(
    directory: Path,
    environment: Mapping[str, str],
    constants: Mapping[str, float] | None = None,
) -> Iterator[FrontDoor]:
    """On a free port. `constants` replaces values of its modules, such as `connection.IDLE`."""
    pages, log = directory / "pages.sock", directory / "front_door.log"
    modules = "connection, door, pages, recorder"
    code = (
        f"import sys, runpy; from sentinelweb.front_door import {modules}; "
        + "".join(f"{name} = {value}; " for name, value in (constants or {}).items())
        + "runpy.run_module('sentinelweb.front_door', run_name='__main__')"
    )
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener, log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(listener.fileno()), str(pages)],
            cwd=ROOT,
            env={**clean_environment(), "LOG_FORMAT": "json", **environment},
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        port = listener.getsockname()[1]
        try:
            # Until it is there, the connection waits at the socket.
            assert request(port, b"GET /ping/x/y/z/up HTTP/1.1\r\n\r\n").status == 404
            yield FrontDoor(port, process, psutil.Process(process.pid), pages, log)
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def gunicorn(socket_path: Path, application: str) -> Iterator[psutil.Popen]:
    """Pages: the WSGI application `module:name` at a Unix socket."""
    command = [sys.executable, "-m", "gunicorn", "--config", "/dev/null", "--threads", "8"]
    process = psutil.Popen(
        [*command, "--no-control-socket", "--bind", f"unix:{socket_path}", application],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(socket_path.exists, 15, "gunicorn's socket")
        yield process
    finally:
        family = process.children(recursive=True)
        process.kill()
        process.wait()
        ended(family, within=5)
