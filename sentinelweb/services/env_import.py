"""`flask services import-env`: what each line of an agent's `.env` (seeds 002, 004) becomes here.

Its services become ordinary ones. Its settings are the operator's to set, so they are only named,
with the names that they have here. Nothing that is there already is changed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import sqlalchemy as sa
from dotenv.parser import Binding, parse_stream
from pydantic import AliasChoices

from config import ConfigurationError, Settings, load_settings
from sentinelweb.core.targets import without_credentials
from sentinelweb.db import db
from sentinelweb.models import Service, User
from sentinelweb.probes.declared import DeclaredService, understand
from sentinelweb.service_variables import HEADERS, NAMES, URL, folded, parse
from sentinelweb.services import scoping, services
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.masking import MASK
from sentinelweb.services.services import MIN_INTERVAL, ServiceValues

# Seed 004 shows this key at HEARTBEAT_URL; here the name is that of the key that signs sessions.
RENAMED = {"SECRET_KEY": "HEARTBEAT_SECRET_KEY"}
IGNORED = {
    "SQLITE_DB_PATH": "the data is kept in DATA_DIR, or where DATABASE_URL says",
}
SECRET = {
    "ADMIN_PASSWORD",
    "ADMIN_SESSION_SECRET",
    "DATABASE_URL",
    "HEARTBEAT_SECRET_KEY",
    "N8N_WEBHOOK_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "SMTP_URL",
    "TELEGRAM_BOT_TOKEN",
}


class Became(StrEnum):
    IMPORTED = "imported"
    PRESENT = "present"
    SET = "to set"
    REFUSED = "refused"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, and what became of it: a sentence without secrets."""

    number: int
    name: str
    became: Became
    text: str


@dataclass(slots=True)
class _File:
    """What the file says. `values` is by variable; of two lines the later counts."""

    bindings: list[Binding]
    values: dict[str, str] = field(default_factory=dict)


def import_services(text: str, user: User, settings: Settings, *, dry_run: bool) -> list[Line]:
    """Add the services of `text` to the user's team, unless `dry_run`; tell of every line."""
    file = _File(list(parse_stream(io.StringIO(text))))
    for binding in file.bindings:
        if binding.key and binding.value:
            file.values[binding.key] = binding.value
    outcomes = _ServiceOutcomes(file.values, user, settings, dry_run=dry_run)
    return list(_lines(file, outcomes, settings))


def _lines(file: _File, outcomes: _ServiceOutcomes, settings: Settings) -> Iterator[Line]:
    last = {binding.key: binding for binding in file.bindings}
    for binding in file.bindings:
        blank = binding.original.string.lstrip("\n")
        number = binding.original.line + len(binding.original.string) - len(blank)
        name, value = binding.key, binding.value
        if binding.error:
            yield Line(number, "", Became.REFUSED, "not understood; write NAME=value")
        elif not name:
            continue
        elif last[name] is not binding:
            line = last[name].original.line
            yield Line(number, name, Became.IGNORED, f"line {line} sets it again")
        elif not value:
            yield Line(number, name, Became.IGNORED, "it is empty")
        elif "${" in value:
            yield Line(number, name, Became.REFUSED, "names another variable; write its value")
        elif name == NAMES or name.startswith((URL, HEADERS)):
            yield Line(number, name, *outcomes.of(name))
        else:
            yield Line(number, name, *_setting(name, value, settings))


class _ServiceOutcomes:
    """What becomes of the SERVICE_* variables. Making one imports them, unless `dry_run`."""

    def __init__(
        self, values: dict[str, str], user: User, settings: Settings, *, dry_run: bool
    ) -> None:
        found, problems = parse({name: text for name, text in values.items() if "${" not in text})
        usable, refused = understand(found)
        self._user, self._dry_run = user, dry_run
        self._interval = max(MIN_INTERVAL, _interval(values, settings))
        self._variables = {folded(variable.name): variable for variable in found}
        self._present = _present(user, [service.name for service in usable])
        self._became: dict[str, tuple[Became, str]] = {}
        for problem in [*problems, *refused]:
            key = folded(problem.variable)
            before = f"{self._became[key][1]}; " if key in self._became else ""
            self._became[key] = Became.REFUSED, before + problem.message
        for service in usable:
            self._became[folded(URL + service.name)] = self._take(service)

    def of(self, name: str) -> tuple[Became, str]:
        """What became of the variable `name`."""
        if folded(name) in self._became:
            return self._became[folded(name)]
        if name == NAMES:
            count = len(self._variables)
            return Became.PRESENT, f"understood: {count} service{'' if count == 1 else 's'}"
        if name.startswith(URL):
            return Became.REFUSED, "its headers cannot be used"
        service = self._variables[folded(name.removeprefix(HEADERS))]
        became, _text = self._became[folded(URL + service.name)]
        return (
            became,
            f"headers of “{service.name}”, values not shown: {', '.join(service.headers)}",
        )

    def _take(self, service: DeclaredService) -> tuple[Became, str]:
        """Import one service, unless there is one of its name."""
        if targets := self._present.get(service.name):
            if service.target in targets:
                return Became.PRESENT, f"there is the service “{service.name}” already"
            return Became.REFUSED, (
                f"there is a service “{service.name}” with another address, which was not changed"
            )
        headers = self._variables[folded(service.name)].headers
        lines = "\n".join(f"{name}: {value}" for name, value in headers.items())
        try:
            services.clean_target(self._user, service.target, None)
            if not self._dry_run:
                values = ServiceValues(
                    target=service.target,
                    name=service.name,
                    interval=self._interval,
                    options={"headers": lines} if lines else {},
                )
                services.create(self._user, values)
        except InvalidInputError as error:
            return Became.REFUSED, error.message
        address = without_credentials(service.target)
        return Became.IMPORTED, f"the service “{service.name}”, {address}, every {self._interval} s"


def _present(user: User, names: list[str]) -> dict[str, set[str]]:
    """The targets of the services that the user's team has already, by their names."""
    rows = db.session.execute(
        sa.select(Service.name, Service.target).where(
            Service.team_id == scoping.home_team(user), Service.name.in_(names)
        )
    )
    present: dict[str, set[str]] = {}
    for name, target in rows:
        present.setdefault(name, set()).add(target)
    return present


def _interval(values: dict[str, str], settings: Settings) -> int:
    """The file's LOOP_INTERVAL_SECONDS if it has one that can be used, else the server's."""
    try:
        loaded = load_settings(
            _env_file=None,
            loop_interval_seconds=values.get("LOOP_INTERVAL_SECONDS")
            or settings.loop_interval_seconds,
        )
    except ConfigurationError:
        return settings.loop_interval_seconds
    return loaded.loop_interval_seconds


def _setting(name: str, value: str, settings: Settings) -> tuple[Became, str]:
    """What becomes of a variable that is no service's."""
    if name in IGNORED:
        return Became.IGNORED, IGNORED[name]
    here = RENAMED.get(name, name)
    field_name = _fields().get(here)
    if field_name is None:
        return Became.IGNORED, "SentinelWeb has no setting of this name"
    try:
        parsed = getattr(load_settings(_env_file=None, **{field_name: value}), field_name)
    except ConfigurationError as error:
        return Became.REFUSED, f"cannot be used: {error}"
    if parsed == getattr(settings, field_name):
        return Became.PRESENT, f"{here} has this value already"
    is_secret = here in SECRET or without_credentials(value) != value
    shown = MASK if is_secret else value
    text = f"set {here}={shown} in .env"
    if is_secret:
        text += ", with the value of this line"
    return Became.SET, text


def _fields() -> dict[str, str]:
    """The fields of Settings by the variables that they are read from."""
    names: dict[str, str] = {}
    for name, info in Settings.model_fields.items():
        alias = info.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [name]
        names |= {str(choice).upper(): name for choice in choices}
    return names
