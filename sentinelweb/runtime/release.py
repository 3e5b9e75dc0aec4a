"""`flask release`: what is done before anything is started. Doing it again changes nothing."""

from __future__ import annotations

import flask_migrate

from sentinelweb.cli.accounts import plain_errors
from sentinelweb.extensions import settings
from sentinelweb.services import accounts


@plain_errors
def run() -> None:
    flask_migrate.upgrade()
    accounts.ensure_first_administrator(settings())
