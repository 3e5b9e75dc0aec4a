"""Thin views: read the request, call a service, render."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    from sentinelweb.blueprints import pings, preferences

    for blueprint in (pings.bp, preferences.bp):
        app.register_blueprint(blueprint)
