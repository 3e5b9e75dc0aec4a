"""`flask release`, where it cannot do its work."""

from __future__ import annotations

import click
import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import writing
from sentinelweb.runtime import release


def test_a_database_of_a_later_version_is_said_in_a_sentence(app: Flask) -> None:
    release.run()
    revision = set_revision("9999")

    with pytest.raises(click.ClickException, match="later version of SentinelWeb"):
        release.run()

    set_revision(revision)  # emptying the database for the next test leaves it alone


def set_revision(revision: str) -> str:
    """Make the database say that it is at `revision`; return what it said."""
    with writing() as session:
        before: str = session.execute(
            sa.text("SELECT version_num FROM alembic_version")
        ).scalar_one()
        session.execute(
            sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )
    return before
