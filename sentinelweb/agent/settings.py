"""The agent's settings: those of seed 004's agent, and few more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sentinelweb import service_variables
from sentinelweb.core.host_reports import MAX_SERVICES
from sentinelweb.hosts.internet import NOBODY
from sentinelweb.probes.declared import DeclaredService, understand

SPOOL = "agent.db"
PING_URL = "https://www.google.com"

# What the agents of the seeds have, and is SentinelWeb's own matter here.
_IGNORED = {
    "N8N_WEBHOOK_URL": "alerts are sent by the channels of SentinelWeb",
    "STATUS_CHANGE_THRESHOLD": "SentinelWeb decides when a service is down",
    "SQLITE_DB_PATH": "what cannot be sent is kept in DATA_DIR",
}


class SettingsError(Exception):
    """The environment cannot be used. `problems` are sentences for the operator, without values."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """`key` and the services may hold secrets: never log them. Times are in seconds."""

    url: str
    key: str
    services: tuple[DeclaredService, ...]
    data_dir: Path
    interval: int = 10
    timeout: int = 2
    ping_url: str = PING_URL
    override_ip: str | None = None
    ipv4_only: bool = False
    docker_host: str | None = None

    @property
    def spool(self) -> Path:
        return self.data_dir / SPOOL


def read(environ: Mapping[str, str]) -> tuple[AgentSettings, list[str]]:
    """The settings in `environ`, and what the operator should know of the rest.

    Raise SettingsError with everything that is wrong.
    """
    reader = _Reader(environ)
    variables, problems = service_variables.parse(environ)
    services, refused = understand(variables)
    reader.problems += map(str, [*problems, *refused])
    if len(services) > MAX_SERVICES:
        reader.problems.append(f"A host has at most {MAX_SERVICES} services")
    settings = AgentSettings(
        url=reader.address("HEARTBEAT_URL"),
        key=reader.key(),
        services=tuple(services),
        data_dir=Path(reader.text("DATA_DIR") or "data"),
        interval=reader.number("LOOP_INTERVAL_SECONDS", 10, most=3_600),
        timeout=reader.number("SERVICE_TIMEOUT_SECONDS", 2, most=60),
        ping_url=reader.ping_url(),
        override_ip=reader.ip("INTERNAL_DNS_OVERRIDE_IP"),
        ipv4_only=reader.flag("FORCE_IPV4"),
        docker_host=reader.text("DOCKER_HOST") or None,
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    notes = [
        f"{name} is ignored: {reason}" for name, reason in _IGNORED.items() if reader.text(name)
    ]
    if not services:
        notes.append("There is no SERVICE_URL_*: only the figures of this machine are reported")
    return settings, notes


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def address(self, name: str) -> str:
        value = self.text(name)
        try:
            parts = urlsplit(value)
            usable = parts.scheme in {"http", "https"} and parts.hostname and value.isprintable()
        except ValueError:
            usable = False
        if not value:
            self.problems.append(f"{name} is missing: the address that the host's page shows")
        elif not usable:
            self.problems.append(f"{name} must be an address such as https://…/api/heartbeat")
        return value

    def key(self) -> str:
        value = self.text("HEARTBEAT_SECRET_KEY") or self.text("SECRET_KEY")
        if not value:
            self.problems.append("SECRET_KEY is missing: the key that was shown with the new host")
        elif not (value.isascii() and value.isprintable() and " " not in value):
            self.problems.append("SECRET_KEY holds characters that no key has")
        return value

    def number(self, name: str, default: int, *, most: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if value.isascii() and value.isdigit() and len(value) < 9 and 1 <= int(value) <= most:
            return int(value)
        self.problems.append(f"{name} must be a whole number from 1 to {most}")
        return default

    def ping_url(self) -> str:
        value = self.text("PING_URL")
        if not value:
            return PING_URL
        return NOBODY if value.lower() == NOBODY else self.address("PING_URL")

    def ip(self, name: str) -> str | None:
        value = self.text(name)
        if not value:
            return None
        try:
            ip_address(value)
        except ValueError:
            self.problems.append(f"{name} is not an IP address")
        return value

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in {"", "0", "1", "false", "true", "no", "yes", "off", "on"}:
            self.problems.append(f"{name} must be true or false")
        return value in {"1", "true", "yes", "on"}
