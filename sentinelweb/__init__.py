"""SentinelWeb: one self-hosted monitor for jobs, services, hosts and processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from config import Settings

__version__ = "0.1.0"


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application. Nothing is opened or changed until it is used."""
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from config import load_settings_or_exit, secret_key_or_exit
    from sentinelweb import assets, attempts, blueprints, cli, logs, pages, runtime, security
    from sentinelweb.db import db
    from sentinelweb.extensions import csrf, limiter, login_manager, migrate

    settings = settings or load_settings_or_exit()
    logs.configure(settings)
    app = Flask(__name__)
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=secret_key_or_exit(settings),
        RATELIMIT_STORAGE_URI=settings.resolved_redis_url.replace("unix://", "redis+unix://"),
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 0.5, "socket_timeout": 1},
        MAX_CONTENT_LENGTH=1_000_000,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign]
    _connect_database(app, settings)
    logs.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    login_manager.init_app(app)
    migrate.init_app(app, db)
    security.init_app(app)
    pages.init_app(app)
    assets.init_app(app)
    attempts.init_app(app)
    blueprints.init_app(app)
    cli.init_app(app)
    runtime.init_app(app)
    return app


def create_database_app(settings: Settings) -> Flask:
    """An application with a database and nothing else, for a process that serves no pages."""
    from flask import Flask

    app = Flask(__name__)
    app.config["SETTINGS"] = settings
    _connect_database(app, settings)
    return app


def _connect_database(app: Flask, settings: Settings) -> None:
    from sentinelweb.db import configure_sqlite, db

    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.resolved_database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
    )
    db.init_app(app)
    if settings.uses_sqlite:
        with app.app_context():
            configure_sqlite(db.engine, synchronous=settings.sqlite_synchronous)


def _engine_options(settings: Settings) -> dict[str, object]:
    from pathlib import Path

    from sqlalchemy import make_url

    if settings.uses_sqlite:
        database = make_url(settings.resolved_database_url).database
        if database not in (None, "", ":memory:"):
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        return {"connect_args": {"timeout": 20}}
    return {
        "pool_pre_ping": True,
        "pool_recycle": 1_800,
        # A server that swallows packets must not hold a thread for the kernel's two minutes.
        "connect_args": {"connect_timeout": 5, "tcp_user_timeout": 10_000},
    }
