"""The peer: a plain Flask view with the ORM that does for a plain ping what the front door does.

It is spared what such a view usually pays for: sessions, CSRF, other extensions.
"""

from __future__ import annotations

from flask import abort, request

from config import load_settings
from sentinelweb import clock, create_database_app
from sentinelweb.core.status import Status, overdue_at
from sentinelweb.db import db, writing
from sentinelweb.models import HeartbeatCheck, Ping

app = create_database_app(load_settings())


@app.get("/ping/<slug>")
def ping(slug: str) -> dict[str, object]:
    now = clock.now()
    with writing() as session:
        heartbeat = session.scalar(
            db.select(HeartbeatCheck).where(HeartbeatCheck.slug == slug).with_for_update()
        )
        if heartbeat is None:
            abort(404)
        deadlines = heartbeat.schedule.deadlines(now)
        heartbeat.last_ping = now
        heartbeat.next_expected_ping, heartbeat.down_at = deadlines.late_at, deadlines.down_at
        heartbeat.overdue_at = overdue_at(Status.UP, deadlines)
        heartbeat.total_pings += 1
        session.add(
            Ping(
                monitor_id=heartbeat.id,
                created_at=now,
                counted=True,
                method=request.method,
                remote_addr=request.remote_addr or "",
                user_agent=request.headers.get("User-Agent", "")[:200],
            )
        )
    return {"ok": True, "name": heartbeat.name, "timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
