"""The document that a team is exported as, and imported from: one JSON object with a version.

Its JSON schema (docs/reference/export-schema.json) follows from these classes. What belongs
together is named by `number` (channels) and `slug` (monitors), which hold inside a document alone.

Documents come from anywhere, so that each entry is read by itself: one that makes no sense is told
with its place, and the others are taken.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sentinelweb.core.schedule import (
    MAX_EXPRESSION,
    MAX_GRACE,
    MAX_PERIOD,
    MIN_PERIOD,
    CronSchedule,
)
from sentinelweb.core.signals import is_alias
from sentinelweb.core.status import Status

FORMAT = "sentinelweb-team"
VERSION = 1
MAX_HISTORY = 10_000  # changes of one monitor, the latest
MAX_ENTRIES = 1_000_000


class DocumentError(ValueError):
    """This is no document that can be read; `problem` is one of the constants of this class."""

    EMPTY = "empty"
    NOT_JSON = "not JSON"
    OTHER_FORMAT = "other format"
    OTHER_VERSION = "other version"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def _printable(text: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text if char not in "\r\n\t"):
        raise ValueError("control characters are not allowed")
    return text


def _alias(text: str) -> str:
    if not is_alias(text):
        raise ValueError(
            "an alias has letters from a to z, digits and - _ . ~ only, and is no number up to "
            "255 nor start, fail or log"
        )
    return text


def _utc(moment: datetime) -> datetime:
    """Whoever says no zone means UTC."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such time in UTC") from None


Text = Annotated[str, Field(strict=True), AfterValidator(_printable)]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]{8,80}$", strict=True)]
Alias = Annotated[str, Field(max_length=80, strict=True), AfterValidator(_alias)]
Moment = Annotated[datetime, AfterValidator(_utc)]
Number = Annotated[int, Field(ge=1, le=MAX_ENTRIES, strict=True)]
VisibilityWord = Literal["public", "unlisted", "off"]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChangeEntry(Entry):
    """A change of status; times are in UTC."""

    previous: Status
    new: Status
    note: Annotated[Text, Field(max_length=500)] = ""
    at: Moment


class TeamEntry(Entry):
    """`ping_key` opens `/ping/<ping_key>/<alias>`; null in a document without secrets."""

    name: Annotated[Text, Field(max_length=100)] = ""
    ping_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,40}$")] | None = None


class ChannelEntry(Entry):
    """`left_out` names the secret settings that the document does not hold."""

    number: Number
    kind: Annotated[Text, Field(min_length=1, max_length=30)]
    name: Annotated[Text, Field(min_length=1, max_length=100)]
    settings: Annotated[
        dict[Annotated[Text, Field(max_length=100)], Annotated[Text, Field(max_length=20_000)]],
        Field(max_length=100),
    ] = {}
    left_out: Annotated[list[Annotated[Text, Field(max_length=100)]], Field(max_length=100)] = []
    locale: Annotated[Text, Field(max_length=20)] | None = None
    timezone: Annotated[Text, Field(max_length=64)] | None = None


class MonitorEntry(Entry):
    """What all kinds have. `channels` are the numbers of those that it alerts.

    `created_at` and `history` are there if the history was asked for. A `slug` of null (from other
    programs) gets a new one.
    """

    slug: Slug | None = None
    name: Annotated[Text, Field(min_length=1, max_length=200)]
    description: Annotated[Text, Field(max_length=2_000)] = ""
    tags: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=50)]], Field(max_length=20)
    ] = []
    environment: Annotated[Text, Field(max_length=50)] = ""
    sla_target: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    position: Annotated[int, Field(ge=-(2**31), lt=2**31)] = 0
    channels: Annotated[list[Number], Field(max_length=10_000)] = []
    created_at: Moment | None = None
    history: Annotated[list[ChangeEntry], Field(max_length=MAX_HISTORY)] = []


class HeartbeatEntry(MonitorEntry):
    """A heartbeat. Periods are in seconds; `token` is null in a document without secrets."""

    alias: Alias | None = None
    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]{1,100}$")] | None = None
    expected_period: Annotated[int, Field(ge=MIN_PERIOD, le=MAX_PERIOD, strict=True)] = 86_400
    grace_period: Annotated[int, Field(ge=0, le=MAX_GRACE, strict=True)] = 3_600
    cron_expression: Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION)] | None = None
    cron_timezone: Annotated[Text, Field(max_length=64)] | None = None
    status: Status = Status.NEW
    last_ping: Moment | None = None

    def check_schedule(self, now: datetime) -> None:
        """Raise ScheduleError if nothing is ever expected by it."""
        if self.cron_expression is not None:
            CronSchedule(self.cron_expression, self.cron_timezone or "UTC", 0).upcoming(now, 1)


class HostEntry(MonitorEntry):
    """A machine with an agent. `key_hash` is null in a document without secrets."""

    alias: Alias | None = None
    silent_after: Annotated[int, Field(ge=10, le=30 * 86_400, strict=True)] = 60
    key_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    key_hint: Annotated[Text, Field(max_length=12)] = ""
    paused: bool = False


class ServiceEntry(MonitorEntry):
    """A service. `left_out` names the secret options; `target` for the secrets of the address.

    One that an agent looks at has the slug of its `host` and the name that the agent reports.
    """

    alias: Alias | None = None
    target: Annotated[Text, Field(min_length=1, max_length=2_000)]
    options: Annotated[
        dict[
            Annotated[Text, Field(max_length=100)],
            bool | int | Annotated[Text, Field(max_length=20_000)],
        ],
        Field(max_length=100),
    ] = {}
    left_out: Annotated[list[Annotated[Text, Field(max_length=100)]], Field(max_length=100)] = []
    interval: Annotated[int, Field(ge=5, le=86_400, strict=True)] = 60
    timeout: Annotated[int, Field(ge=1, le=60, strict=True)] | None = None
    threshold: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    host: Slug | None = None
    reported_as: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    paused: bool = False


class PageItemEntry(Entry):
    """A monitor of a status page, by its slug."""

    monitor: Slug
    section: Annotated[Text, Field(max_length=100)] = ""
    label: Annotated[Text, Field(max_length=200)] = ""
    shows_alias: bool = False
    shows_last_ping: bool = False
    shows_interval: bool = False
    shows_latency: bool = False
    shows_tags: bool = False


class StatusPageEntry(Entry):
    """A status page, its monitors in their order."""

    slug: Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Annotated[Text, Field(min_length=1, max_length=200)]
    description: Annotated[Text, Field(max_length=20_000)] = ""
    visibility: VisibilityWord = "public"
    is_first: bool = False
    monitors: Annotated[list[PageItemEntry], Field(max_length=1_000)] = []


class Document(Entry):
    """All of it, as the schema describes it."""

    format: Literal["sentinelweb-team"]
    version: Literal[1]
    exported_at: Moment
    with_secrets: bool = False
    with_history: bool = False
    team: TeamEntry = TeamEntry()
    channels: list[ChannelEntry] = []
    hosts: list[HostEntry] = []
    heartbeats: list[HeartbeatEntry] = []
    services: list[ServiceEntry] = []
    status_pages: list[StatusPageEntry] = []


# In the order in which they are written: what is named comes before what names it.
LISTS: Mapping[str, type[Entry]] = {
    "channels": ChannelEntry,
    "hosts": HostEntry,
    "heartbeats": HeartbeatEntry,
    "services": ServiceEntry,
    "status_pages": StatusPageEntry,
}


@dataclass(frozen=True, slots=True)
class Read:
    """An entry at its `place` (`heartbeats[3]`), or what is wrong with it: sentences without it."""

    place: str
    name: str
    entry: Entry | None
    wrong: str = ""


def parse(content: bytes) -> dict[str, Any]:
    """The outer object of a document; raise DocumentError."""
    if not content.strip():
        raise DocumentError(DocumentError.EMPTY)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise DocumentError(DocumentError.NOT_JSON) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DocumentError(DocumentError.OTHER_FORMAT)
    if found.get("version") != VERSION or isinstance(found["version"], bool):
        raise DocumentError(DocumentError.OTHER_VERSION)
    return found


def count(found: Mapping[str, Any]) -> int:
    """How many entries `read()` has for a document."""
    lists = (found.get(key, []) for key in LISTS)
    lengths = (len(entries) if isinstance(entries, list) else 1 for entries in lists)
    return 1 + len(_unknown(found)) + sum(lengths)


def read(found: Mapping[str, Any]) -> Iterator[Read]:
    """Every entry of a document: the team, what does not belong there, the rest as in LISTS.

    The order is the same each time.
    """
    yield read_entry("team", TeamEntry, found.get("team", {}))
    for name in _unknown(found):
        yield Read(_shortened(name), "", None, "it is not known here")
    for key, model in LISTS.items():
        entries = found.get(key, [])
        if not isinstance(entries, list):
            yield Read(key, "", None, "it must be a list")
            continue
        for index, entry in enumerate(entries):
            yield read_entry(f"{key}[{index}]", model, entry)


def _unknown(found: Mapping[str, Any]) -> list[str]:
    return sorted(found.keys() - Document.model_fields.keys())


def read_entry(place: str, model: type[Entry], entry: object) -> Read:
    """`entry` as `model` understands it, or what is wrong with it."""
    said = entry if isinstance(entry, dict) else {}
    name = said.get("name", said.get("title", ""))
    name = _shortened(name) if isinstance(name, str) else ""
    try:
        return Read(place, name, model.model_validate(entry))
    except ValidationError as error:
        return Read(place, name, None, _sentences(error))


def _sentences(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    parts = []
    for item in found[:5]:
        where = ".".join(_shortened(str(part)) for part in item["loc"])
        parts.append(f"{where}: {item['msg']}" if where else item["msg"])
    return "; ".join(parts)


def _shortened(text: str) -> str:
    """As it may be shown: a document may hold anything."""
    shown = "".join(char if char.isprintable() else "�" for char in text[:80])
    return f"{shown}…" if len(text) > 80 else shown


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of a document."""
    described = Document.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
