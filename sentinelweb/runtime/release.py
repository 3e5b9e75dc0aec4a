"""`flask release`: what is done before anything is started. Doing it again changes nothing."""

from __future__ import annotations

import flask_migrate
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import current_app

from config import ConfigurationError
from sentinelweb.cli.accounts import plain_errors
from sentinelweb.db import db
from sentinelweb.extensions import settings
from sentinelweb.services import accounts, environment


@plain_errors
def run() -> None:
    """Raise ConfigurationError for a database of a later version than this one."""
    _check_version()
    flask_migrate.upgrade()
    accounts.ensure_first_administrator(settings())
    environment.apply(settings())


def _check_version() -> None:
    scripts = ScriptDirectory.from_config(current_app.extensions["migrate"].migrate.get_config())
    with db.engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    try:
        scripts.get_revision(revision or "base")
    except CommandError as error:
        raise ConfigurationError(
            f"the database is of a later version of SentinelWeb (revision {revision}). "
            "Start that version, or restore a backup from before the update."
        ) from error
