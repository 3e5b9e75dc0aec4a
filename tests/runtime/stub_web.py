"""A `web` process for tests: answers until told to misbehave by a file in its directory."""

from __future__ import annotations

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        while Path("hang").exists():
            time.sleep(0.1)
        parts = {name: {"ok": True, "age": 0.5} for name in ("worker", "scheduler")}
        if Path("stale").exists():
            parts[Path("stale").read_text()]["age"] = 99
        body = json.dumps({"parts": parts}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_values: Any) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
