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
    with writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(click.ClickException, match="later version of SentinelWeb"):
        release.run()
