"""A Docker Engine's API on a Unix socket, with containers that tests put there.

    with DockerEngine(tmp_path / "docker.sock") as engine:
        engine.containers["web"] = {"Status": "running"}
        ... something asks engine.url ...

The states are those of `GET /containers/{name}/json` under `State`; a container is found by its
name alone.
"""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

API_VERSION = "1.51"


class DockerEngine:
    """Serves `containers`, each answer after `delay` seconds; `paths` holds what was asked for."""

    def __init__(self, socket: Path) -> None:
        self.containers: dict[str, dict[str, Any]] = {}
        self.delay = 0.0
        self.paths: list[str] = []
        self.url = f"unix://{socket}"
        self._server = _Server(str(socket), _Handler)
        self._server.engine = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str) -> tuple[int, object]:
        """The status and JSON for `path`, which bears no version any more."""
        if path == "/_ping":
            return 200, "OK"
        if path == "/version":
            return 200, {"Version": "29.0.1", "ApiVersion": API_VERSION, "MinAPIVersion": "1.44"}
        if path == "/containers/json":
            running = [
                {"Id": name, "Names": [f"/{name}"], "State": "running"}
                for name, state in self.containers.items()
                if state["Status"] == "running"
            ]
            return 200, running
        if found := re.fullmatch(r"/containers/([^/]+)/json", path):
            name = found[1]
            if name in self.containers:
                return 200, {"Id": name, "Name": f"/{name}", "State": self.containers[name]}
            return 404, {"message": f"No such container: {name}"}
        return 404, {"message": "page not found"}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    engine: DockerEngine


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path = re.sub(r"^/v[0-9.]+(?=/)", "", self.path.partition("?")[0])
        self.server.engine.paths.append(path)
        time.sleep(self.server.engine.delay)
        status, content = self.server.engine.answer(path)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Api-Version", API_VERSION)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """A Unix socket has no address to tell."""
        return "unix"

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
