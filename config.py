"""Every setting of SentinelWeb, read from the environment or `.env`, and checked at start.

A setting that cannot be understood stops the program with a sentence that names it: a monitor
that runs with a half-understood configuration is worse than one that does not start.
"""

from __future__ import annotations

import secrets
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET = 16  # characters; whoever guesses it is everybody
MAX_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes on Linux and 104 on macOS

# Hosting panels and compose files hand over a variable that was left blank as "".
OptionalText = Annotated[str | None, BeforeValidator(lambda value: value or None)]


class ConfigurationError(Exception):
    """The environment holds a setting that cannot be used; the message is for the operator."""


class Settings(BaseSettings):
    """The settings, each with its default. `docs/reference/settings.md` is held to this class."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        Path("data"),
        description="Where SQLite, the embedded Redis and the secret key are kept.",
    )
    database_url: OptionalText = Field(
        None,
        description="SQLAlchemy URL; `sqlite:///<DATA_DIR>/sentinelweb.db` when unset.",
    )
    redis_url: OptionalText = Field(
        None,
        description="Redis URL; an embedded Redis in `DATA_DIR` serves when unset.",
    )
    redis_certificate: Literal["verify", "ignore"] = Field(
        "verify",
        description="`ignore` accepts a `rediss://` server that signed its certificate itself, as "
        "Heroku's does.",
    )
    secret_key: OptionalText = Field(
        None,
        validation_alias=AliasChoices("secret_key", "admin_session_secret"),
        description="Signs sessions and links; made and kept in `DATA_DIR` when unset. "
        "`ADMIN_SESSION_SECRET` is its alias.",
    )
    app_host: str = Field("0.0.0.0", description="The address to listen on.")  # noqa: S104 - a server
    port: int = Field(
        8000,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("port", "app_port"),
        description="The port to listen on. `APP_PORT` is its alias.",
    )
    site_url: OptionalText = Field(
        None,
        description="The public address, e.g. `https://sentinelweb.example.com`: used in ping URLs "
        "and links. The address of the request, or of this machine, when unset.",
    )
    registration: Literal["invite", "open"] = Field(
        "invite",
        description="`open` lets anybody register; `invite` only those with an invitation.",
    )
    admin_email: OptionalText = Field(
        None,
        description="With `ADMIN_PASSWORD`: makes the first administrator at start.",
    )
    admin_password: OptionalText = Field(
        None, description="The first administrator's password; at least 10 characters."
    )
    public_status_title: OptionalText = Field(
        None, description="The title of `/status`; that of the page itself when unset."
    )
    admin_token: OptionalText = Field(
        None,
        description="Opens the API for all teams, as `X-Admin-Token`; at least 16 characters. Keys "
        "of single teams are made on the page “API keys”.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="How many reverse proxies in front may be believed about the client's address, "
        "host and scheme (`X-Forwarded-*`).",
    )
    worker_interval_sec: int = Field(
        60, ge=1, le=3600, description="Seconds between two audits of all heartbeats."
    )
    loop_interval_seconds: int = Field(
        10,
        ge=1,
        le=3600,
        description="Seconds between two cycles: each samples this host and probes what is due.",
    )
    status_change_threshold: int = Field(
        4,
        ge=1,
        le=100,
        description="Failures in a row that bring a service down, unless it has its own number.",
    )
    service_timeout_seconds: int = Field(
        2,
        ge=1,
        le=60,
        description="Seconds that a service has to answer, unless it has its own number.",
    )
    target_data_points: int = Field(
        30, ge=2, le=500, description="Points of each chart of the system dashboard."
    )
    ping_url: str = Field(
        "https://www.google.com",
        description="The address whose answer shows that this host has internet. `none` asks "
        "nobody.",
    )
    force_ipv4: bool = Field(
        False, description="Whether services are probed by IPv4 alone, where IPv6 does not work."
    )
    internal_dns_override_ip: OptionalText = Field(
        None,
        description="Probe every HTTP service at this address, over plain HTTP and with its own "
        "`Host` header: for services behind a proxy on the same machine.",
    )
    docker_host: OptionalText = Field(
        None, description="The Docker Engine to ask; `unix:///var/run/docker.sock` when unset."
    )
    heartbeat_url: OptionalText = Field(
        None, description="Where each cycle reports the state of the services to (the relay)."
    )
    heartbeat_secret_key: OptionalText = Field(
        None, description="The bearer key that the relay shows at `HEARTBEAT_URL`."
    )
    n8n_webhook_url: OptionalText = Field(
        None,
        description="An n8n webhook that gets the alerts of the environment's services, and serves "
        "n8n channels that have no address of their own.",
    )
    probe_processes: int = Field(
        2, ge=1, le=32, description="Processes of one `worker` that probe services."
    )
    process_expiry_seconds: int = Field(
        30,
        ge=2,
        le=86_400,
        description="Seconds without a heartbeat after which a process counts as dead, unless it "
        "was registered with its own number.",
    )
    process_monitor_interval_seconds: int = Field(
        5, ge=1, le=3600, description="Seconds between two looks at all processes."
    )
    process_keepalive: Literal["client", "server"] = Field(
        "client",
        description="Who keeps a long-lived process alive: its own heartbeats, or (`server`, for "
        "demonstrations alone) SentinelWeb itself, which can then see no death.",
    )
    process_api: Literal["keys", "open"] = Field(
        "keys",
        description="`open` lets anybody register and end processes, on a private network.",
    )
    process_retention_days: int = Field(
        30, ge=1, le=3650, description="Days that processes are kept after their end."
    )
    worker_processes: int = Field(
        3,
        ge=2,
        le=64,
        description="RQ workers in one `worker` process: one for audits, the others for alerts.",
    )
    web_concurrency: int = Field(
        2, ge=1, le=64, description="Processes that answer requests for pages."
    )
    tz: str = Field("UTC", description="Time zone of users and channels that chose none.")
    telegram_bot_token: OptionalText = Field(
        None, description="Bot for Telegram channels that have no token of their own."
    )
    telegram_api_url: str = Field(
        "https://api.telegram.org",
        description="The Bot API server that Telegram channels talk to.",
    )
    private_targets: Literal["auto", "allow", "deny"] = Field(
        "auto",
        description="Whether channels and services may call private addresses. `auto` allows it "
        "unless `REGISTRATION` is `open`. Link-local addresses are never called.",
    )
    alerts_per_minute: int = Field(
        20,
        ge=0,
        le=1_000,
        description="Alerts a minute that a channel gets one by one; what is beyond comes as "
        "digests. `0` sets no limit.",
    )
    flapping_changes: int = Field(
        6,
        ge=0,
        le=1_000,
        description="A monitor that goes down or up more often than this within 15 minutes is "
        "announced once as flapping. `0` announces every change.",
    )
    smtp_url: OptionalText = Field(
        None,
        description="Mail server for password resets and invitations, e.g. "
        "`smtp://user:password@mail.example.com:587?starttls=1` or `smtps://…:465`.",
    )
    mail_from: str = Field(
        "SentinelWeb <sentinelweb@localhost>", description="The sender of those mails."
    )
    ping_processes: int = Field(
        1,
        ge=1,
        le=32,
        description="Processes that receive pings and pass everything else on to the pages. On "
        "SQLite one is best, as there is one writer; on PostgreSQL several record more.",
    )
    ping_body_limit: int = Field(
        10_000, ge=0, le=1_000_000, description="Bytes of a ping's body that are kept."
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL",
        description="`FULL` keeps an acknowledged ping through a power cut; `NORMAL` is quicker "
        "and may lose the last moments.",
    )
    ping_retention_days: int = Field(
        90, ge=1, le=3650, description="Days that single pings are kept."
    )
    history_retention_days: int = Field(
        730, ge=1, le=3650, description="Days that status changes are kept."
    )
    delivery_retention_days: int = Field(
        90, ge=1, le=3650, description="Days that the log of deliveries is kept."
    )
    check_retention_hours: int = Field(
        24, ge=1, le=8_760, description="Hours that single results of services are kept."
    )
    cycle_retention_days: int = Field(
        7, ge=1, le=365, description="Days that single cycles with the host's figures are kept."
    )
    rollup_retention_days: int = Field(
        730,
        ge=31,
        le=3650,
        description="Days that daily sums of results and figures are kept; finer ones go sooner.",
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` is `console` in a terminal and `json` elsewhere."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe log line that is printed."
    )

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, value: str | None) -> str | None:
        """Heroku-like hosts hand out `postgres://`, which SQLAlchemy no longer takes."""
        if value is None or value.startswith(("sqlite:", "postgresql+psycopg:")):
            return value
        scheme, _, rest = value.partition("://")
        if scheme in {"postgres", "postgresql"}:
            return f"postgresql+psycopg://{rest}"
        raise ValueError("must begin with sqlite:// or postgresql://")

    @field_validator("secret_key", "admin_token")
    @classmethod
    def _long_enough(cls, value: str | None) -> str | None:
        if value is not None and len(value) < MIN_SECRET:
            raise ValueError(f"must have at least {MIN_SECRET} characters, or be left unset")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator("site_url", "telegram_api_url", "heartbeat_url", "n8n_webhook_url")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/") if value else value

    @field_validator("ping_url")
    @classmethod
    def _http_address_or_none(cls, value: str) -> str:
        return "none" if value == "none" else cls._http_address(value) or "none"

    @field_validator("internal_dns_override_ip")
    @classmethod
    def _ip_address(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ip_address(value)
            except ValueError as error:
                raise ValueError("is not an IP address") from error
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp_scheme(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("smtp://", "smtps://")):
            raise ValueError("must begin with smtp:// or smtps://")
        return value

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not a time zone name such as America/Sao_Paulo") from error
        return value

    @property
    def uses_sqlite(self) -> bool:
        return self.resolved_database_url.startswith("sqlite:")

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve()}/sentinelweb.db"

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis's socket; raises ConfigurationError where its path is too long."""
        path = self.data_dir.resolve() / "redis" / "redis.sock"
        if len(str(path)) <= MAX_SOCKET_PATH:
            return path
        raise ConfigurationError(
            f"DATA_DIR is too long a path for the embedded Redis's socket ({path}). "
            "Choose a shorter DATA_DIR, or set REDIS_URL."
        )

    @property
    def resolved_redis_url(self) -> str:
        if self.redis_url is None:
            return f"unix://{quote(str(self.redis_socket))}"
        if self.redis_certificate == "ignore" and self.redis_url.startswith("rediss://"):
            separator = "&" if "?" in self.redis_url else "?"
            return f"{self.redis_url}{separator}ssl_cert_reqs=none"
        return self.redis_url

    @property
    def private_targets_allowed(self) -> bool:
        if self.private_targets == "auto":
            return self.registration != "open"
        return self.private_targets == "allow"

    @property
    def local_url(self) -> str:
        return self.site_url or f"http://localhost:{self.port}"

    def resolved_secret_key(self) -> str:
        """SECRET_KEY, else the one kept in DATA_DIR, made on first use.

        Two processes may start at the same moment: whichever links its file first wins, and both
        read the same key. Raise ConfigurationError for a file that holds none.
        """
        if self.secret_key:
            return self.secret_key
        path = self.data_dir / "secret_key"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            draft = self.data_dir / f".secret_key.{secrets.token_hex(8)}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = path.read_text(encoding="ascii").strip()
        if len(key) < MIN_SECRET:
            raise ConfigurationError(f"{path} holds no key. Delete it, and a new one is made.")
        return key


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; raise ConfigurationError with one line for each wrong setting."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [
            ".".join(map(str, item["loc"])).upper()
            + ": "
            + item["msg"].removeprefix("Value error, ")
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("; ".join(lines)) from error


def load_settings_or_exit() -> Settings:
    """For commands: a wrong setting ends the process with a sentence, not a traceback."""
    try:
        return load_settings()
    except ConfigurationError as error:
        sys.exit(f"SentinelWeb cannot start: {error}")


def secret_key_or_exit(settings: Settings) -> str:
    """The same for the secret key, whose file may hold none or not be readable."""
    try:
        return settings.resolved_secret_key()
    except (ConfigurationError, OSError) as error:
        sys.exit(f"SentinelWeb cannot start: {error}")
