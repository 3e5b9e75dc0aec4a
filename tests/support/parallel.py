"""Things that happen at the same moment: in threads, and in processes that may be killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from flask import Flask

from sentinelweb.db import db

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


def together(app: Flask, functions: Sequence[Callable[[], T]]) -> list[T]:
    """Call the functions at once, each in a thread with its own context; return their results."""
    barrier = threading.Barrier(len(functions))

    def call(function: Callable[[], T]) -> T:
        with app.app_context():
            barrier.wait()
            try:
                return function()
            finally:
                db.session.remove()

    db.session.commit()
    with ThreadPoolExecutor(len(functions)) as executor:
        results = list(executor.map(call, functions))
    db.session.expire_all()
    return results


@contextlib.contextmanager
def python(code: str, app: Flask) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs `code` on the database of `app`; killed at the end."""
    settings = app.config["SETTINGS"]
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": "the key of all tests",
        "LOG_LEVEL": "WARNING",
    }
    preamble = "from wsgi import app\nfrom sentinelweb.db import db\napp.app_context().push()\n"
    process = subprocess.Popen(
        [sys.executable, "-c", preamble + code],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
