"""The pages, with 200 rows on a page of a list, or as many as BENCH_ROWS says; and their ceiling.

`/hello` is answered by the same server, and by nothing of ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from sentinelweb import create_app
from sentinelweb.services import monitor_list

monitor_list.PAGE_SIZE = int(os.environ.get("BENCH_ROWS", "200"))
_pages = create_app()


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/hello":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12")])
        return [b"Hello, world"]
    return _pages(environ, start_response)
