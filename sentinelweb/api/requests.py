"""What programs may ask of `/api/v1`, checked field by field."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any, Literal, TypeVar

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sentinelweb import clock, i18n, notifiers
from sentinelweb.api import problems
from sentinelweb.core.schedule import (
    MAX_EXPRESSION,
    MAX_GRACE,
    MAX_PERIOD,
    MIN_PERIOD,
    CronSchedule,
    ScheduleError,
)
from sentinelweb.core.signals import is_alias
from sentinelweb.core.status import Status
from sentinelweb.models import Visibility
from sentinelweb.probes.base import MAX_TARGET
from sentinelweb.services.hosts import MAX_SILENCE, MIN_SILENCE
from sentinelweb.services.monitor_list import MAX_SEARCH
from sentinelweb.services.scoping import MAX_ID
from sentinelweb.services.services import (
    MAX_INTERVAL,
    MAX_NAME,
    MAX_THRESHOLD,
    MAX_TIMEOUT,
    MIN_INTERVAL,
    MIN_TIMEOUT,
)
from sentinelweb.services.status_pages import MAX_ITEMS, MAX_SLUG, SLUG

MAX_PAGE = 200
MAX_ROW_ID = 2**63 - 1


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _storable(value: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\r\n\t" for char in value):
        raise PydanticCustomError("control_characters", "Control characters are not allowed")
    return value


def _alias(value: str) -> str:
    if not is_alias(value):
        raise PydanticCustomError(
            "alias",
            "Use letters from a to z, digits and - _ . ~ only, and no number up to 255 nor start, "
            "fail or log",
        )
    return value


def _visible(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("line", "Line breaks and control characters are not allowed")
    return value


def _timezone(value: str) -> str:
    if value not in i18n.timezone_names():
        raise PydanticCustomError("timezone", "There is no such time zone")
    return value


def _locale(value: str) -> str:
    if value not in i18n.LOCALES:
        known = ", ".join(i18n.LOCALES)
        raise PydanticCustomError("locale", "Choose one of: {known}", {"known": known})
    return value


_TEXT = (BeforeValidator(_stripped), AfterValidator(_storable))
Text = Annotated[StrictStr, *_TEXT]
Name = Annotated[StrictStr, *_TEXT, Field(min_length=1, max_length=MAX_NAME)]
Tag = Annotated[StrictStr, *_TEXT, Field(min_length=1, max_length=50)]
Alias = Annotated[StrictStr, AfterValidator(_alias), Field(max_length=80)]
Line = Annotated[StrictStr, BeforeValidator(_stripped), AfterValidator(_visible)]
Slug = Annotated[StrictStr, Field(max_length=MAX_SLUG, pattern=f"^{SLUG.pattern}$")]
Id = Annotated[StrictInt, Field(ge=1, le=MAX_ID)]
Locale = Annotated[
    StrictStr, AfterValidator(_locale), Field(json_schema_extra={"enum": list(i18n.LOCALES)})
]
Timezone = Annotated[StrictStr, AfterValidator(_timezone), Field(examples=["Europe/Lisbon"])]
Seconds = StrictInt


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _like(**example: Any) -> ConfigDict:
    """A body to begin with, for who reads the description."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class _MonitorBody(Body):
    description: Annotated[Text, Field(max_length=2_000)] = ""
    tags: Annotated[list[Tag], Field(max_length=20)] = []
    environment: Annotated[Text, Field(max_length=50)] = ""
    channels: Annotated[
        list[Id] | None,
        Field(description="Ids of channels to alert. Without any: all channels of the team."),
    ] = None
    sla_target: (
        Annotated[float, Field(strict=True, ge=50, le=100, description="Percent of uptime.")] | None
    ) = None


class HeartbeatBody(_MonitorBody):
    """A job that must ping. With `cron_expression` the schedule is that, not `expected_period`."""

    model_config = _like(kind="heartbeat", name="Nightly backup", expected_period=86_400)

    kind: Literal["heartbeat"]
    name: Name
    alias: Alias | None = None
    expected_period: Annotated[Seconds, Field(ge=MIN_PERIOD, le=MAX_PERIOD)] = 86_400
    grace_period: Annotated[Seconds, Field(ge=0, le=MAX_GRACE)] = 3_600
    cron_expression: Annotated[Text, Field(min_length=1, max_length=MAX_EXPRESSION)] | None = None
    cron_timezone: Annotated[StrictStr, Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _comes_due(self) -> HeartbeatBody:
        if self.cron_expression is not None:
            try:
                schedule = CronSchedule(self.cron_expression, self.cron_timezone or "UTC", 0)
                schedule.upcoming(clock.now(), 1)
            except ScheduleError as error:
                raise PydanticCustomError(
                    "cron", "cron_expression: {problem}", {"problem": error.problem.value}
                ) from None
        return self


class ServiceBody(_MonitorBody):
    """Something to look at. How `target` begins decides how, and which `options` there are."""

    kind: Literal["service"]
    target: Annotated[
        StrictStr, AfterValidator(_storable), Field(min_length=1, max_length=MAX_TARGET)
    ]
    name: Annotated[Text, Field(max_length=MAX_NAME)] = ""
    interval: Annotated[Seconds, Field(ge=MIN_INTERVAL, le=MAX_INTERVAL)] = 60
    timeout: Annotated[Seconds, Field(ge=MIN_TIMEOUT, le=MAX_TIMEOUT)] | None = None
    threshold: Annotated[StrictInt, Field(ge=1, le=MAX_THRESHOLD)] | None = None
    options: Annotated[
        dict[str, StrictStr | StrictBool | StrictInt | None],
        Field(description="null removes a secret. Those that are left out stay as they are."),
    ] = {}

    @field_validator("options")
    @classmethod
    def _can_be_stored(cls, value: dict[str, Any]) -> dict[str, Any]:
        for text in value.values():
            _storable(str(text))
        return value


class HostBody(_MonitorBody):
    """A machine whose agent reports to us."""

    kind: Literal["host"]
    name: Name
    silent_after: Annotated[Seconds, Field(ge=MIN_SILENCE, le=MAX_SILENCE)] = 60


class ChannelBody(Body):
    """`settings` are texts by the names that the kind declares (docs/reference/notifiers.md)."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    settings: Annotated[
        dict[str, Annotated[StrictStr, AfterValidator(_storable)] | None],
        Field(description="null removes one. Those that are left out stay as they are."),
    ] = {}
    locale: Annotated[Locale | None, Field(description="The language of its messages.")] = None
    timezone: Annotated[Timezone | None, Field(description="Of the times in its messages.")] = None


class NewChannelBody(ChannelBody):
    model_config = _like(
        kind="webhook", name="On-call", settings={"url": "https://example.com/hook"}
    )

    kind: Annotated[StrictStr, Field(json_schema_extra={"enum": list(notifiers.registered())})]
    for_all_monitors: StrictBool = False


class PageItemBody(Body):
    """A monitor on a status page, and what strangers may see of it."""

    monitor_id: Id
    section: Annotated[Line, Field(max_length=100)] = ""
    label: Annotated[Line, Field(max_length=200, description="Its name for strangers.")] = ""
    shows_alias: StrictBool = False
    shows_last_ping: StrictBool = False
    shows_interval: StrictBool = False
    shows_latency: StrictBool = False
    shows_tags: StrictBool = False


class StatusPageBody(Body):
    """`slug` follows from the title unless it is given. `is_first` pages are `/status` as well."""

    model_config = _like(
        title="Status of Example", monitors=[{"monitor_id": 1, "section": "Website"}]
    )

    title: Annotated[Line, Field(min_length=1, max_length=200)]
    slug: Slug | None = None
    description: Annotated[Text, Field(max_length=2_000)] = ""
    visibility: Visibility = Visibility.PUBLIC
    is_first: StrictBool = False
    monitors: Annotated[
        list[PageItemBody],
        Field(max_length=MAX_ITEMS, description="All that it shows, in this order."),
    ] = []

    @field_validator("monitors")
    @classmethod
    def _once_each(cls, value: list[PageItemBody]) -> list[PageItemBody]:
        if len({item.monitor_id for item in value}) < len(value):
            raise PydanticCustomError("twice", "A monitor can be on a page only once")
        return value


class Query(BaseModel):
    """Parameters of an address: texts that are read as what they stand for."""

    model_config = ConfigDict(extra="ignore")


class PageQuery(Query):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    after: Annotated[int, Field(ge=0, le=MAX_ID, description="`next_after` of the last page")] = 0


class MonitorQuery(PageQuery):
    kind: Literal["heartbeat", "service", "host", "process"] | None = None
    status: Status | None = None
    tag: Annotated[str, Field(max_length=MAX_SEARCH)] = ""
    environment: Annotated[str, Field(max_length=MAX_SEARCH)] = ""
    search: Annotated[str, Field(max_length=MAX_SEARCH)] = ""


class RecordQuery(Query):
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    before: Annotated[
        int | None, Field(ge=1, le=MAX_ROW_ID, description="`next_before` of the last page")
    ] = None


Read = TypeVar("Read", bound=BaseModel)


def json_object() -> dict[str, Any]:
    """The body of the request; raise ProblemError for what is no JSON object."""
    try:
        said = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise problems.of_field("", "The body is not JSON.", 400) from None
    if not isinstance(said, dict):
        raise problems.of_field("", "The body must be a JSON object.")
    return said


def read(model: type[Read], said: object) -> Read:
    """Raise ProblemError, which names every wrong field."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise problems.of_fields(error) from None


def query(model: type[Read]) -> Read:
    return read(model, request.args.to_dict())
