"""A SentinelWeb that is to suffer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from flask import Flask

from sentinelweb import create_database_app
from sentinelweb.db import db
from tests.support.databases import settings_for_tests
from tests.support.stack import Stack


class Site:
    """All processes of `make run`, with an application context on their database.

    Use as a context manager.
    """

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.stack = Stack(directory, **settings)
        values = {name: settings[name] for name in ("database_url",) if name in settings}
        self._app: Flask = create_database_app(settings_for_tests(self.stack.data_dir, **values))
        self._context = self._app.app_context()

    def __enter__(self) -> Self:
        self.stack.start()
        try:
            self.stack.becomes_ready()
        except BaseException:
            self.stack.kill()
            raise
        self._context.push()
        return self

    def __exit__(self, *_error: object) -> None:
        db.session.remove()
        db.engine.dispose()
        self._context.pop()
        self.stack.kill()
        print(self.stack.output[-20_000:])  # noqa: T201 - shown if the test fails

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stack.port}"
