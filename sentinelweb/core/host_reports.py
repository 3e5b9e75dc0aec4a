"""What the agent of a host reports: seed 004's payload, and what ours adds to it.

`{"services": {"nextjs": {"status": "healthy"}}}` is all that the seeds' agents send. Further fields
are optional: a service's `latency_ms`, `status_code`, `error`, `target` and
`certificate_expires_at`; the `host` figures; the `agent` version; `at`, when it was found; and
`cycles`, reports that could not be sent before, oldest first.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from sentinelweb.core.results import ProbeResult, Result

MAX_SERVICES = 500
MAX_CYCLES = 200
MAX_NAME = 200
MAX_TARGET = 2_000
MAX_ERROR = 300
MAX_AGENT = 100
MAX_ERRORS_TOLD = 20
MAX_MILLISECONDS = 86_400_000

# Seed 002 knows nothing between healthy and unhealthy.
_RESULTS = {result.value: result for result in Result} | {"unhealthy": Result.DOWN}


class ReportError(ValueError):
    """The report cannot be read. `errors` says why by field, in English: a program reads it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Figures:
    """A host's figures as `monitoring_cycles` has them; None for what was not told."""

    cpu_percent: float | None = None
    ram_percent: float | None = None
    ram_used_mb: float | None = None
    disk_percent: float | None = None
    uptime_seconds: float | None = None
    container_count: int | None = None
    internet_status: bool | None = None
    ping_ms: float | None = None
    cycle_duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What an agent found. `target` is the address that it looked at, empty if it does not say."""

    found: ProbeResult
    target: str = ""


@dataclass(frozen=True, slots=True)
class CycleReport:
    """One cycle of an agent; `at` is None if it does not say when."""

    services: Mapping[str, ServiceReport]
    figures: Figures = field(default_factory=Figures)
    at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is a sign of life and nothing else."""
        return not self.services and self.figures == Figures()


@dataclass(frozen=True, slots=True)
class HostReport:
    """What one request brings: the present cycle, and `backlog`, those before it."""

    current: CycleReport
    backlog: Sequence[CycleReport] = ()
    agent: str = ""


def parse(body: bytes) -> HostReport:
    """The report in a request's body; raise ReportError with every field that cannot be read."""
    try:
        data = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ReportError({"body": "is not JSON in UTF-8"}) from error
    reader = _Reader()
    fields = reader.mapping(data, "body")
    if "services" not in fields:
        reader.refuse("services", "is missing")
    cycles = fields.get("cycles", [])
    if not isinstance(cycles, list):
        reader.refuse("cycles", "is not a list")
        cycles = []
    if len(cycles) > MAX_CYCLES:
        reader.refuse("cycles", f"has more than {MAX_CYCLES} entries; send the rest later")
        cycles = []
    report = HostReport(
        reader.cycle(fields, ""),
        [
            reader.cycle(reader.mapping(item, f"cycles.{number}"), f"cycles.{number}.", past=True)
            for number, item in enumerate(cycles)
        ],
        reader.text(fields, "agent", "", MAX_AGENT),
    )
    if reader.errors:
        raise ReportError(reader.errors)
    return report


def _no_number(text: str) -> NoReturn:
    """NaN and Infinity are no JSON (RFC 8259, 6), though Python reads them."""
    raise ValueError(f"{text} is not a number")


class _Reader:
    """Reads what is well and notes what is not, so that one answer names all of it."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def refuse(self, name: str, text: str) -> None:
        if len(self.errors) < MAX_ERRORS_TOLD:
            self.errors[name] = text

    def mapping(self, value: Any, name: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.refuse(name, "is not an object")
        return {}

    def cycle(self, fields: dict[str, Any], prefix: str, *, past: bool = False) -> CycleReport:
        services = self.mapping(fields.get("services", {}), prefix + "services")
        if len(services) > MAX_SERVICES:
            self.refuse(prefix + "services", f"has more than {MAX_SERVICES} entries")
            services = {}
        host = fields.get("host")
        at = self.moment(fields, "at", prefix)
        if past and at is None:
            self.refuse(prefix + "at", "is needed")
        return CycleReport(
            {name: self.service(name, item, prefix) for name, item in services.items()},
            self.figures({} if host is None else self.mapping(host, prefix + "host"), prefix),
            at,
        )

    def service(self, name: str, value: Any, prefix: str) -> ServiceReport:
        # The name is shown back as it came, but for its length: it says which one is meant.
        label = f"{prefix}services.{ascii(name[:50])[1:-1]}"
        if not name.strip() or len(name) > MAX_NAME or not all(map(_is_printable, name)):
            self.refuse(label, f"the name has no, more than {MAX_NAME} or unprintable characters")
        fields = self.mapping(value, label)
        label += "."
        result = fields.get("status")
        if not isinstance(result, str) or result.lower() not in _RESULTS:
            self.refuse(label + "status", f"is none of {', '.join(_RESULTS)}")
            result = Result.UNKNOWN.value
        result = _RESULTS[result.lower()]
        code = self.number(fields, "status_code", label, 999, whole=True)
        found = ProbeResult(
            result,
            self.number(fields, "latency_ms", label, MAX_MILLISECONDS),
            None if code is None else int(code),
            self.text(fields, "error", label, MAX_ERROR) or _reason(result, code),
            self.moment(fields, "certificate_expires_at", label),
        )
        return ServiceReport(found, self.text(fields, "target", label, MAX_TARGET))

    def figures(self, fields: dict[str, Any], prefix: str) -> Figures:
        prefix += "host."

        def number(name: str, most: float, *, whole: bool = False) -> float | None:
            return self.number(fields, name, prefix, most, whole=whole)

        containers = number("container_count", 1_000_000, whole=True)
        duration = number("cycle_duration_ms", MAX_MILLISECONDS)
        return Figures(
            cpu_percent=number("cpu_percent", 100),
            ram_percent=number("ram_percent", 100),
            ram_used_mb=number("ram_used_mb", 1e9),
            disk_percent=number("disk_percent", 100),
            uptime_seconds=number("uptime_seconds", 1e10),
            container_count=None if containers is None else int(containers),
            internet_status=self.flag(fields, "internet_status", prefix),
            ping_ms=number("ping_ms", MAX_MILLISECONDS),
            cycle_duration_ms=None if duration is None else round(duration),
        )

    def number(
        self, fields: dict[str, Any], name: str, prefix: str, most: float, *, whole: bool = False
    ) -> float | None:
        """From 0 to `most`."""
        value = fields.get(name)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int if whole else int | float)
            or not 0 <= value <= most
        ):
            kind = "whole number" if whole else "number"
            self.refuse(prefix + name, f"is not a {kind} from 0 to {most:.0f}")
            return None
        return float(value)

    def flag(self, fields: dict[str, Any], name: str, prefix: str) -> bool | None:
        value = fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        if value in (0, 1):
            return bool(value)
        self.refuse(prefix + name, "is not true or false")
        return None

    def text(self, fields: dict[str, Any], name: str, prefix: str, most: int) -> str:
        """As much of a text as is kept, without what no database takes."""
        value = fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.refuse(prefix + name, "is not a text")
            return ""
        kept = (char if _is_printable(char) else "\N{REPLACEMENT CHARACTER}" for char in value)
        return "".join(kept)[:most].strip()

    def moment(self, fields: dict[str, Any], name: str, prefix: str) -> datetime | None:
        value = fields.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            pass
        self.refuse(prefix + name, "is not a time such as 2026-01-07T12:00:00Z")
        return None


def _reason(result: Result, code: float | None) -> str:
    """Why, in the words of our own probes, where an agent of the seeds does not say."""
    if result is Result.ERROR and code is not None:
        return f"HTTP {code:.0f}"
    return "Timeout" if result is Result.TIMEOUT else ""


def _is_printable(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cs"}
