"""Monitors of all kinds: listed, made, read, changed, paused, resumed, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g, jsonify, url_for
from flask.typing import ResponseReturnValue

from sentinelweb import clock
from sentinelweb.api import answers, monitor_values, requests
from sentinelweb.api.answers import ChangePage, MonitorPage, MonitorShown, PingPage, ResultPage
from sentinelweb.api.operations import describe
from sentinelweb.api.problems import ProblemError
from sentinelweb.api.requests import HeartbeatBody, HostBody, MonitorQuery, RecordQuery, ServiceBody
from sentinelweb.blueprints.api_v1 import bp
from sentinelweb.models import HeartbeatCheck, Host, Monitor, Process, Service
from sentinelweb.services import (
    heartbeats,
    history,
    hosts,
    monitor_records,
    processes,
    scoping,
    services,
)
from sentinelweb.services.monitor_list import ListQuery, clean

TAG = "Monitors"


@bp.get("/monitors")
@describe("List monitors", TAG, answer=MonitorPage, query=MonitorQuery, errors=(422,))
def list_monitors() -> ResponseReturnValue:
    asked = requests.query(MonitorQuery)
    page = monitor_records.find(
        g.program,
        ListQuery(search=clean(asked.search), status=asked.status or "", tag=clean(asked.tag)),
        kind=asked.kind,
        environment=clean(asked.environment),
        after=asked.after,
        limit=asked.limit,
    )
    shown = [answers.monitor(item, g.program) for item in page.rows]
    return jsonify(answers.listed("monitors", shown, page.following))


@bp.post("/monitors")
@describe(
    "Create a heartbeat, a service or a host",
    TAG,
    status=201,
    answer=MonitorShown,
    body=HeartbeatBody | ServiceBody | HostBody,
    errors=(400, 404, 409, 413, 422),
)
def create_monitor() -> ResponseReturnValue:
    """Of a host the answer has the key of its agent, which is never told again."""
    said = requests.json_object()
    team_id = scoping.home_team(g.program)
    monitor: Monitor
    key = None
    match said.get("kind"):
        case "service":
            monitor = services.create(g.program, monitor_values.service(said, team_id))
        case "host":
            new = hosts.create(g.program, monitor_values.host(said, team_id))
            monitor, key = new.host, new.key
        case _:
            monitor = heartbeats.create(g.program, monitor_values.heartbeat(said, team_id))
    place = url_for("api_v1.show_monitor", monitor_id=monitor.id)
    return jsonify(_shown(_agreed(monitor, said), key)), 201, {"Location": place}


@bp.get("/monitors/<int:monitor_id>")
@describe("Read a monitor", TAG, answer=MonitorShown, errors=(404,))
def show_monitor(monitor_id: int) -> ResponseReturnValue:
    return jsonify(_shown(_get(monitor_id)))


@bp.patch("/monitors/<int:monitor_id>")
@describe(
    "Change a heartbeat, a service or a host",
    TAG,
    answer=MonitorShown,
    body=HeartbeatBody | ServiceBody | HostBody,
    partial=True,
    errors=(400, 404, 409, 413, 422),
)
def change_monitor(monitor_id: int) -> ResponseReturnValue:
    """What the body does not name stays as it is."""
    said, monitor = requests.json_object(), _get(monitor_id)
    match monitor:
        case HeartbeatCheck():
            wanted = monitor_values.changed_heartbeat(monitor, said)
            monitor = heartbeats.edit(g.program, monitor_id, wanted)
        case Service():
            if services.is_managed_elsewhere(monitor):
                raise ProblemError(409, "It is managed elsewhere.")
            monitor = services.edit(
                g.program, monitor_id, monitor_values.changed_service(monitor, said)
            )
        case Host(is_local=False):
            monitor = hosts.edit(g.program, monitor_id, monitor_values.changed_host(monitor, said))
        case _:
            raise _cannot(monitor)
    return jsonify(_shown(_agreed(monitor, said)))


@bp.delete("/monitors/<int:monitor_id>")
@describe("Delete a monitor with its history", TAG, status=204, errors=(404, 409))
def delete_monitor(monitor_id: int) -> ResponseReturnValue:
    """A process only once it ended or went down; not the machine that SentinelWeb runs on."""
    monitor = _get(monitor_id)
    match monitor:
        case Process():
            _dismiss(monitor)
        case _:
            _module_of(monitor).delete(g.program, monitor_id)
    return "", 204


@bp.post("/monitors/<int:monitor_id>/pause")
@describe("Pause a monitor", TAG, answer=MonitorShown, errors=(404, 409))
def pause_monitor(monitor_id: int) -> ResponseReturnValue:
    return jsonify(_shown(_module_of(_get(monitor_id)).pause(g.program, monitor_id)))


@bp.post("/monitors/<int:monitor_id>/resume")
@describe("Resume a monitor", TAG, answer=MonitorShown, errors=(404, 409))
def resume_monitor(monitor_id: int) -> ResponseReturnValue:
    return jsonify(_shown(_module_of(_get(monitor_id)).resume(g.program, monitor_id)))


@bp.post("/monitors/<int:monitor_id>/key")
@describe("Give a host a new key", TAG, answer=MonitorShown, errors=(404, 409))
def renew_key(monitor_id: int) -> ResponseReturnValue:
    """The one that it had stops working at once."""
    monitor = _get(monitor_id)
    if not isinstance(monitor, Host) or monitor.is_local:
        raise _cannot(monitor)
    new = hosts.rotate_key(g.program, monitor_id)
    return jsonify(_shown(new.host, new.key))


@bp.get("/monitors/<int:monitor_id>/pings")
@describe("List a heartbeat's pings", TAG, answer=PingPage, query=RecordQuery, errors=(404, 422))
def list_pings(monitor_id: int) -> ResponseReturnValue:
    asked = requests.query(RecordQuery)
    heartbeat = heartbeats.get(g.program, monitor_id)
    page = monitor_records.pings(heartbeat, asked.before, asked.limit)
    return jsonify(answers.records("pings", answers.PingShown, page.rows, page.following))


@bp.get("/monitors/<int:monitor_id>/results")
@describe("List a service's results", TAG, answer=ResultPage, query=RecordQuery, errors=(404, 422))
def list_results(monitor_id: int) -> ResponseReturnValue:
    asked = requests.query(RecordQuery)
    service = services.get(g.program, monitor_id)
    page = monitor_records.results(service, asked.before, asked.limit)
    return jsonify(answers.records("results", answers.ResultShown, page.rows, page.following))


@bp.get("/monitors/<int:monitor_id>/history")
@describe(
    "List a monitor's changes of status",
    TAG,
    answer=ChangePage,
    query=RecordQuery,
    errors=(404, 422),
)
def list_changes(monitor_id: int) -> ResponseReturnValue:
    asked = requests.query(RecordQuery)
    page = monitor_records.changes(_get(monitor_id), asked.before, asked.limit)
    return jsonify(answers.records("history", answers.ChangeShown, page.rows, page.following))


def _get(monitor_id: int) -> Monitor:
    return scoping.owned(g.program, Monitor, monitor_id)


def _shown(monitor: Monitor, key: str | None = None) -> dict[str, Any]:
    return answers.dumped(answers.monitor(monitor, g.program, key))


def _agreed(monitor: Monitor, said: Mapping[str, Any]) -> Monitor:
    """With the uptime that was agreed on, if that was said."""
    if "sla_target" not in said:
        return monitor
    return history.agree(g.program, monitor.id, said["sla_target"])


def _module_of(monitor: Monitor) -> Any:
    """The services of its kind, where the same functions pause, resume and delete."""
    match monitor:
        case HeartbeatCheck():
            return heartbeats
        case Service():
            return services
        case Host(is_local=False):
            return hosts
    raise _cannot(monitor)


def _dismiss(process: Process) -> None:
    if processes.is_alive(process, clock.now()):
        raise ProblemError(409, "It is alive: end it first.")
    processes.dismiss(g.program, process.slug)


def _cannot(monitor: Monitor) -> ProblemError:
    return ProblemError(409, f"This cannot be done with this {monitor.kind}.")
