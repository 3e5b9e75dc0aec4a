"""Thin views: read the request, call a service, render."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    from sentinelweb.blueprints import (
        accounts,
        api_keys,
        api_v1,
        badges,
        channels,
        dashboard,
        docs,
        errors,
        health,
        heartbeats,
        history,
        home,
        host_reports,
        hosts,
        openapi,
        ping_keys,
        pings,
        preferences,
        process_api,
        processes,
        public_status,
        pulsemon_api,
        services,
        status_pages,
        teams,
        transfers,
        users,
    )

    for blueprint in (
        accounts.bp,
        api_keys.bp,
        api_v1.bp,
        badges.bp,
        channels.bp,
        dashboard.bp,
        docs.bp,
        errors.bp,
        health.bp,
        heartbeats.bp,
        history.bp,
        home.bp,
        host_reports.bp,
        hosts.bp,
        openapi.bp,
        ping_keys.bp,
        pings.bp,
        preferences.bp,
        process_api.bp,
        processes.bp,
        public_status.bp,
        pulsemon_api.bp,
        services.bp,
        status_pages.bp,
        teams.bp,
        transfers.bp,
        users.bp,
    ):
        app.register_blueprint(blueprint)
