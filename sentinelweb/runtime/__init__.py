"""What runs: the supervisor of `make run`, the embedded Redis, the worker, the scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def init_app(app: Flask) -> None:
    """Register the commands of the Procfile."""

    @app.cli.command("release")
    def _release() -> None:
        """Bring the database up to date and make the first administrator."""
        from sentinelweb.runtime import release

        release.run()

    @app.cli.command("worker", with_appcontext=False)
    def _worker() -> None:
        """Carry out audits and deliveries."""
        from sentinelweb.runtime import worker

        worker.run(app)

    @app.cli.command("scheduler", with_appcontext=False)
    def _scheduler() -> None:
        """Wake the workers when something is due."""
        from sentinelweb.runtime import scheduler

        scheduler.run(app)
