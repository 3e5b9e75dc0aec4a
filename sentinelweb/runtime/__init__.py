"""What runs: the supervisor of `make run`, the embedded Redis, the worker, the scheduler."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Register `flask worker` and `flask scheduler`, the Procfile's processes."""

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
