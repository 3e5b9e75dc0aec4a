"""The list of processes that a person sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import sqlalchemy as sa

from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.status import Status
from sentinelweb.models import Process, User
from sentinelweb.services import monitor_list, scoping
from sentinelweb.services.monitor_list import NAME, URGENCY, MonitorList, Sorts
from sentinelweb.services.processes import KIND

ENDED, ALL = "ended", "all"


@dataclass(frozen=True)
class ListQuery(monitor_list.ListQuery):
    """`show` is ENDED, ALL, or empty for those that have not ended well."""

    sorts: ClassVar[Sorts] = {
        "status": URGENCY,
        "name": NAME,
        "last": Process.last_heartbeat,
        "started": Process.created_at,
        "progress": Process.progress,
    }

    show: str = ""

    @classmethod
    def parse(cls, args: Mapping[str, str]) -> Self:
        show = args.get("show", "")
        return replace(super().parse(args), show=show if show in {ENDED, ALL} else "")

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        conditions = super().conditions()
        if self.show == ENDED:
            conditions.append(Process.status == Status.PAUSED)
        elif self.show != ALL:
            conditions.append(Process.status != Status.PAUSED)
        return conditions


@dataclass(frozen=True, slots=True)
class ProcessList:
    found: MonitorList[Process]

    @property
    def state(self) -> str:
        """A text that changes when anything in the list does."""
        return fingerprint(
            self.found.counts,
            self.found.matching,
            [
                (row.id, row.updated_at, row.status, row.last_heartbeat, row.progress, row.message)
                for row in self.found.monitors
            ],
        )


def find(user: User, query: ListQuery) -> ProcessList:
    return ProcessList(monitor_list.find(Process, KIND, scoping.team_ids(user), query))
