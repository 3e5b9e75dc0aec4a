"""Thin views: read the request, call a service, render."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    from sentinelweb.blueprints import (
        accounts,
        api_keys,
        channels,
        errors,
        health,
        heartbeats,
        home,
        ping_keys,
        pings,
        preferences,
        users,
    )

    for blueprint in (
        accounts.bp,
        api_keys.bp,
        channels.bp,
        errors.bp,
        health.bp,
        heartbeats.bp,
        home.bp,
        ping_keys.bp,
        pings.bp,
        preferences.bp,
        users.bp,
    ):
        app.register_blueprint(blueprint)
