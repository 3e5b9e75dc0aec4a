"""The application as a server for clients on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from sentinelweb.db import db
from sentinelweb.models import Process, User
from sentinelweb.services import api_keys
from tests.support.stack import free_port


@pytest.fixture
def database() -> str:
    """SQLite alone: CONTRIBUTING.md says why."""
    return "sqlite"


@dataclass(frozen=True)
class Site:
    url: str
    key: str

    @property
    def environment(self) -> dict[str, str]:
        return {"SENTINELWEB_URL": self.url, "SENTINELWEB_KEY": self.key}


@pytest.fixture
def site(app: Flask, user: User) -> Iterator[Site]:
    key = api_keys.create(user, name="Clients", can_write=True)[1]
    db.session.commit()
    port = free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{port}", key)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def registered(app: Flask) -> Callable[[], list[Process]]:
    """`registered()`: the processes as they are in the database now."""

    def registered() -> list[Process]:
        db.session.rollback()
        db.session.expire_all()
        return list(db.session.scalars(sa.select(Process).order_by(Process.id)))

    return registered
