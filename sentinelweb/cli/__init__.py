"""`flask` command groups: thin, as blueprints are."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the commands."""
    from sentinelweb.cli import accounts, services, teams

    for command in (accounts.setup, accounts.user_group, services.services_group, teams.team_group):
        app.cli.add_command(command)
