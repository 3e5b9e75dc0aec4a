"""`/health` and `/ready` for whoever runs us, and the banner on pages when a part is silent."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, has_request_context, jsonify
from flask_login import current_user

from sentinelweb import clock
from sentinelweb.core.durations import format_duration
from sentinelweb.extensions import csrf, limiter
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import ngettext
from sentinelweb.services import liveness
from sentinelweb.services.leases import Lag

bp = Blueprint("health", __name__)
csrf.exempt(bp)
limiter.exempt(bp)


@bp.get("/health")
def health() -> Response:
    """Whether this process answers; nothing else is asked."""
    return jsonify(status="ok")


@bp.get("/ready")
def ready() -> tuple[Response, int]:
    """Each part with its age in seconds where it has one; 503 when one is stale or missing."""
    readiness = liveness.readiness()
    parts = {
        name: {"ok": part.ok} | ({"age": round(part.age, 1)} if part.age is not None else {})
        for name, part in readiness.parts.items()
    }
    return jsonify(ready=readiness.ready, parts=parts), 200 if readiness.ready else 503


@bp.app_context_processor
def _warnings() -> dict[str, Any]:
    """`warnings`, the banner of base.html: what delays alerts is everybody's business."""
    if not has_request_context() or not current_user.is_authenticated:
        return {"warnings": []}
    readiness = liveness.recent_readiness()
    silent = readiness.silent
    texts = []
    if silent(liveness.PINGS):
        texts.append(_("Pings cannot be recorded: the database is not written to. Is a disk full?"))
    elif silent("redis"):
        texts.append(_("Alerts are delayed: Redis cannot be reached. Pings are still recorded."))
    if readiness.lag:
        texts.append(_lagging(readiness.lag))
    if current_user.is_admin:
        if silent(liveness.SCHEDULER):
            texts.append(_("The scheduler has stopped: missed deadlines go unnoticed."))
        if silent(liveness.WORKER):
            texts.append(_("The worker has stopped: no audit runs and no alert is sent."))
        elif silent(liveness.CYCLE):
            texts.append(_("No cycle has run of late: services are not checked."))
    return {"warnings": texts}


def _lagging(lag: Lag) -> str:
    return ngettext(
        "Checks cannot keep up: %(n)s service waits for its turn, for %(duration)s now.",
        "Checks cannot keep up: %(n)s services wait for their turn, the first for %(duration)s.",
        lag.services,
        duration=format_duration(max(1, int((clock.now() - lag.since).total_seconds()))),
    )
