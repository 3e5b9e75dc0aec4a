"""The relay: each cycle tells HEARTBEAT_URL how the services are (seed 004, "worker_status").

The answer's code is stored with the cycle. One that lasts is told to the local Host's channels.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import clock
from sentinelweb.core.debounce import RelayCode
from sentinelweb.core.results import Result
from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Delivery, Host, MonitoringCycle, Service, monitor_channels
from sentinelweb.outbound import OutboundError, Reach, request
from sentinelweb.services.transitions import delivery_row

EVENT = "relay"
MAX_CODE = 999

log = structlog.get_logger(__name__)


def run(settings: Settings) -> int | None:
    """Report the latest cycle of the local Host; return the code of the answer, None for none.

    Without internet there is nothing to report: what we see of the services is no news of theirs.
    """
    cycle = db.session.execute(
        sa.select(MonitoringCycle.id, MonitoringCycle.host_id, MonitoringCycle.internet_status)
        .join(Host, Host.id == MonitoringCycle.host_id)
        .where(Host.is_local, MonitoringCycle.cycle_duration_ms.is_not(None))
        .order_by(MonitoringCycle.created_at.desc())
        .limit(1)
    ).one_or_none()
    if cycle is None or cycle.internet_status is False or not settings.heartbeat_url:
        return None
    body = payload(cycle.host_id)
    db.session.commit()  # not to hold an old snapshot while we wait for the answer
    code = _post(settings, body)
    with writing() as session:
        session.execute(
            sa.update(MonitoringCycle)
            .where(MonitoringCycle.id == cycle.id)
            .values(worker_status=code)
        )
        _note(session, cycle.host_id, code, settings.status_change_threshold, clock.now())
    return code


def payload(host_id: int) -> dict[str, Any]:
    """The seed's payload: the latest results of the services that we probe, by their names."""
    team_id = sa.select(Host.team_id).where(Host.id == host_id).scalar_subquery()
    rows = db.session.execute(
        sa.select(Service.name, Service.last_result)
        .where(
            Service.team_id == team_id, Service.host_id.is_(None), Service.status != Status.PAUSED
        )
        .order_by(Service.name, Service.id)
    )
    return {"services": {name: {"status": result or Result.UNKNOWN} for name, result in rows}}


def _post(settings: Settings, body: dict[str, Any]) -> int | None:
    headers = {"Content-Type": "application/json"}
    if settings.heartbeat_secret_key:
        headers["Authorization"] = f"Bearer {settings.heartbeat_secret_key}"
    try:
        answer = request(
            "POST",
            str(settings.heartbeat_url),
            reach=Reach.ANYWHERE,
            headers=headers,
            body=json.dumps(body, ensure_ascii=False).encode(),
        )
    except OutboundError as error:
        log.info("relay_unanswered", reason=str(error))
        return None
    return min(answer.status, MAX_CODE)


def _note(session: Session, host_id: int, code: int | None, threshold: int, now: datetime) -> None:
    """Take the code into the Host's state, and promise an alert when the confirmed one changes."""
    host = session.get(Host, host_id, with_for_update=True, populate_existing=True)
    if host is None:
        return
    before = RelayCode(host.relay_code, host.relay_next_code, host.relay_next_count)
    after = before.followed_by(code, threshold=threshold)
    host.relay_code = after.confirmed
    host.relay_next_code = after.latest
    host.relay_next_count = after.count
    if after.confirmed == before.confirmed:
        return
    log.warning("relay_changed", previous_code=before.confirmed, code=after.confirmed)
    facts = _facts(host, before.confirmed, after.confirmed, now)
    channel_ids = session.scalars(
        sa.select(monitor_channels.c.channel_id).where(monitor_channels.c.monitor_id == host_id)
    )
    rows = [
        delivery_row(channel_id, EVENT, facts, now, monitor_id=host_id)
        for channel_id in channel_ids
    ]
    if rows:
        session.connection().execute(sa.insert(Delivery.__table__), rows)


def _facts(host: Host, previous: int | None, code: int | None, now: datetime) -> dict[str, Any]:
    return {
        "kind": "host",
        "id": host.id,
        "slug": host.slug,
        "name": host.name,
        "description": host.description,
        "previous_code": previous,
        "code": code,
        "occurred_at": now.isoformat(),
        "note": EVENT,
    }
