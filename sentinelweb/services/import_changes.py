"""Monitors of a document (core/export_document.py) that are there already, and changed by it.

They keep the channels that they alert, secrets that the document does not hold, and their status.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from sentinelweb import clock, probes
from sentinelweb.core.export_document import HeartbeatEntry, HostEntry, MonitorEntry, ServiceEntry
from sentinelweb.core.targets import without_credentials
from sentinelweb.db import writing
from sentinelweb.models import HeartbeatCheck, Monitor, Service, User
from sentinelweb.services import heartbeats, hosts, services
from sentinelweb.services.heartbeats import HeartbeatValues
from sentinelweb.services.hosts import HostValues
from sentinelweb.services.import_rows import COMMON, OWN, check_schedule, texts
from sentinelweb.services.services import ServiceValues

_OF_ALL_VALUES = COMMON[:4]  # what the values of each kind begin with
_OF_ROWS_ALONE = COMMON[4:]


def differs(entry: MonitorEntry, monitor: Monitor) -> bool:
    """Whether the document says something else than is there."""
    names = [*COMMON, *OWN[type(entry)]]
    if isinstance(monitor, Service) and services.is_managed_elsewhere(monitor):
        return False  # it is as its agent says
    if isinstance(entry, HeartbeatEntry) and entry.token is not None:
        names.append("token")
    if any(getattr(entry, name) != getattr(monitor, name) for name in names):
        return True
    if isinstance(entry, ServiceEntry) and isinstance(monitor, Service):
        held = {
            name: value for name, value in monitor.options.items() if name not in entry.left_out
        }
        return _target(entry, monitor) != monitor.target or entry.options != held
    return False


def change(user: User, entry: MonitorEntry, monitor: Monitor, channel_ids: list[int]) -> None:
    """Make it as the document says, in a transaction; raise InvalidInputError."""
    common = {name: getattr(entry, name) for name in _OF_ALL_VALUES}
    with writing() as session:
        if isinstance(entry, HeartbeatEntry):
            check_schedule(entry, clock.now())
            own = {name: getattr(entry, name) for name in OWN[HeartbeatEntry]}
            values = HeartbeatValues(**common, **own, alias=entry.alias, channel_ids=channel_ids)
            changed: Monitor = heartbeats.edit(user, monitor.id, values)
        elif isinstance(entry, HostEntry):
            host_values = HostValues(
                **common, silent_after=entry.silent_after, channel_ids=channel_ids
            )
            changed = hosts.edit(user, monitor.id, host_values)
        else:
            assert isinstance(entry, ServiceEntry)  # noqa: S101 - the last of the kinds
            assert isinstance(monitor, Service)  # noqa: S101 - by its kind
            changed = _change_service(user, entry, monitor, common, channel_ids)
            if services.is_managed_elsewhere(monitor):
                return
        for name in _OF_ROWS_ALONE:
            setattr(changed, name, getattr(entry, name))
        if isinstance(entry, HeartbeatEntry) and entry.token is not None:
            session.execute(
                sa.update(HeartbeatCheck.__table__)
                .where(HeartbeatCheck.__table__.c.id == monitor.id)
                .values(token=entry.token)
            )


def _change_service(
    user: User, entry: ServiceEntry, service: Service, common: dict[str, Any], ids: list[int]
) -> Service:
    if services.is_managed_elsewhere(service):
        return services.choose_channels(user, service.id, ids)
    own = {name: getattr(entry, name) for name in OWN[ServiceEntry]}
    # What the document has not and does not say to have left out is taken away.
    removed = service.options.keys() - entry.options.keys() - set(entry.left_out)
    values = ServiceValues(
        **common,
        **own,
        target=_target(entry, service),
        options=_kept(entry, service) | texts(entry.options),
        removed=frozenset(removed),
        channel_ids=ids,
    )
    return services.edit(user, service.id, values)


def _target(entry: ServiceEntry, service: Service) -> str:
    """The address to have; the document may lack the secrets of one that is the same."""
    if "target" in entry.left_out and without_credentials(service.target) == entry.target:
        return service.target
    return entry.target


def _kept(entry: ServiceEntry, service: Service) -> dict[str, str]:
    """What a form shows of the secrets that the document left out: it leaves them as they are."""
    probe = probes.registered().get(service.probe)
    return {
        option.name: services.shown(option, service.options)
        for option in (probe.options if probe else ())
        if option.name in entry.left_out
    }
