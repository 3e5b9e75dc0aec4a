"""A WSGI application that tells what reached it, and answers as its path says."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path.startswith("/slow"):
        time.sleep(float(path.removeprefix("/slow/")))
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _parts()
    if path == "/large":
        start_response("200 OK", [("Content-Length", "20000000")])
        return (b"x" * 100_000 for _ in range(200))
    if path == "/break":
        start_response("200 OK", [("Content-Length", "1000")])
        return [b"only this"]
    if path == "/refuse":
        start_response("413 Content Too Large", [("Content-Length", "3")])
        return [b"no!"]
    if path == "/nothing":
        start_response("204 No Content", [])
        return []
    body = environ["wsgi.input"].read()
    told = {
        "method": environ["REQUEST_METHOD"],
        "path": path,
        "query": environ["QUERY_STRING"],
        "headers": {key: value for key, value in environ.items() if key.startswith("HTTP_")},
        "length": environ.get("CONTENT_LENGTH"),
        "size": len(body),
        "digest": hashlib.sha256(body).hexdigest(),
    }
    text = json.dumps(told).encode()
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(text))),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ],
    )
    return [text]


def _parts() -> Iterator[bytes]:
    for number in range(3):
        yield b"part %d\n" % number
        time.sleep(0.3)
