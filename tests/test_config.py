"""Every setting is read, checked and documented; what makes no sense is refused with a sentence."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from config import ConfigurationError, Settings, load_settings
from tests.support.stack import ROOT, clean_environment

EXAMPLE = (ROOT / ".env.example").read_text("utf-8")


def load(**values: Any) -> Settings:
    """The settings that the environment alone does not change."""
    return load_settings(_env_file=None, **values)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", "9000", 9000),
        ("APP_PORT", "9001", 9001),
        ("DATA_DIR", "/srv/data", Path("/srv/data")),
        ("SECRET_KEY", "a well-kept secret", "a well-kept secret"),
        ("ADMIN_SESSION_SECRET", "a well-kept alias", "a well-kept alias"),
        ("DATABASE_URL", "postgres://u:p@db/x", "postgresql+psycopg://u:p@db/x"),
        ("DATABASE_URL", "postgresql://u:p@db/x", "postgresql+psycopg://u:p@db/x"),
        ("DATABASE_URL", "sqlite:////srv/x.db", "sqlite:////srv/x.db"),
        ("REDIS_URL", "rediss://:p@redis:6380/1", "rediss://:p@redis:6380/1"),
        ("SITE_URL", "https://sentinelweb.example.com/", "https://sentinelweb.example.com"),
        ("TZ", "America/Sao_Paulo", "America/Sao_Paulo"),
        ("REGISTRATION", "open", "open"),
        ("SITE_URL", "", None),
        ("WORKER_PROCESSES", "", 3),
    ],
)
def test_a_setting_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: object
):
    monkeypatch.setenv(name, value)
    attribute = {"APP_PORT": "port", "ADMIN_SESSION_SECRET": "secret_key"}.get(name, name.lower())
    assert getattr(load(), attribute) == wanted


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("PORT=9000\nTZ=Europe/Lisbon\nUNKNOWN=ignored\n", "utf-8")
    monkeypatch.setenv("PORT", "9001")
    settings = load_settings(_env_file=file)
    assert (settings.port, settings.tz) == (9001, "Europe/Lisbon")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "many", "PORT: Input should be a valid integer"),
        ("PORT", "0", "PORT: Input should be greater than or equal to 1"),
        ("PORT", "65536", "PORT: Input should be less than or equal to 65535"),
        ("DATABASE_URL", "mysql://x", "must begin with sqlite:// or postgresql://"),
        ("REDIS_URL", "localhost", "REDIS_URL: must begin with redis://, rediss:// or unix://"),
        ("REDIS_CERTIFICATE", "none", "Input should be 'verify' or 'ignore'"),
        ("SITE_URL", "sentinelweb.example.com", "SITE_URL: must begin with http:// or https://"),
        ("TELEGRAM_API_URL", "ftp://x", "TELEGRAM_API_URL: must begin with http:// or https://"),
        ("TZ", "Mars/Olympus", "TZ: is not a time zone name such as America/Sao_Paulo"),
        ("REGISTRATION", "maybe", "REGISTRATION: Input should be 'invite' or 'open'"),
        ("TRUSTED_PROXIES", "-1", "TRUSTED_PROXIES: Input should be greater"),
        ("WORKER_INTERVAL_SEC", "0.5", "WORKER_INTERVAL_SEC: Input should be a valid integer"),
        ("WORKER_PROCESSES", "1", "WORKER_PROCESSES: Input should be greater"),
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY: Input should be greater"),
        ("PING_RETENTION_DAYS", "0", "PING_RETENTION_DAYS: Input should be greater"),
        ("SQLITE_SYNCHRONOUS", "OFF", "SQLITE_SYNCHRONOUS: Input should be 'FULL' or 'NORMAL'"),
        ("LOG_LEVEL", "CHATTY", "LOG_LEVEL: Input should be 'DEBUG'"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: Input should be 'auto', 'console' or 'json'"),
        ("PRIVATE_TARGETS", "yes", "PRIVATE_TARGETS: Input should be 'auto', 'allow' or 'deny'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=re.escape(sentence)):
        load()


def test_all_that_is_wrong_is_said_at_once_and_no_secret_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("DATABASE_URL", "mysql://user:hunter2@db/x")
    monkeypatch.setenv("PORT", "many")
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert "DATABASE_URL" in str(caught.value)
    assert "PORT" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_command_with_a_wrong_setting_ends_with_the_sentence(tmp_path: Path):
    result = subprocess.run(
        [sys.executable, "-m", "flask", "routes"],
        cwd=ROOT,
        env={**clean_environment(), "DATA_DIR": str(tmp_path), "TZ": "Mars/Olympus"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("SentinelWeb cannot start: TZ: is not a time zone name")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("redis_url", "certificate", "wanted"),
    [
        ("rediss://h:1/0", "verify", "rediss://h:1/0"),
        ("rediss://h:1/0", "ignore", "rediss://h:1/0?ssl_cert_reqs=none"),
        ("rediss://h:1/0?db=2", "ignore", "rediss://h:1/0?db=2&ssl_cert_reqs=none"),
        ("redis://h:1/0", "ignore", "redis://h:1/0"),
        (None, "ignore", "unix:///srv/my%20data/redis/redis.sock"),
    ],
)
def test_where_redis_is(redis_url: str | None, certificate: str, wanted: str):
    settings = load(data_dir="/srv/my data", redis_url=redis_url, redis_certificate=certificate)
    assert settings.resolved_redis_url == wanted


def test_the_database_is_a_file_in_the_data_directory_unless_said_otherwise(tmp_path: Path):
    settings = load(data_dir=tmp_path)
    assert settings.resolved_database_url == f"sqlite:///{tmp_path}/sentinelweb.db"
    assert settings.uses_sqlite
    assert not load(database_url="postgresql://db/x").uses_sqlite


@pytest.mark.parametrize(
    ("private_targets", "registration", "allowed"),
    [
        ("auto", "invite", True),
        ("auto", "open", False),
        ("allow", "open", True),
        ("deny", "invite", False),
    ],
)
def test_private_targets_follow_who_may_register(
    private_targets: str, registration: str, *, allowed: bool
):
    settings = load(private_targets=private_targets, registration=registration)
    assert settings.private_targets_allowed is allowed


def test_a_secret_key_is_made_once_for_all_processes_and_kept_private(tmp_path: Path):
    settings = load(data_dir=tmp_path / "new")
    with ThreadPoolExecutor(8) as executor:
        keys = set(executor.map(lambda _: settings.resolved_secret_key(), range(32)))
    [key] = keys
    assert len(key) >= 48
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "new" / "secret_key").stat().st_mode) == 0o600
    assert load(data_dir=tmp_path / "new").resolved_secret_key() == key
    assert load(
        data_dir=tmp_path / "new", secret_key="given by hand, and long"
    ).resolved_secret_key() == ("given by hand, and long")


def test_the_example_file_changes_nothing_as_it_is_and_is_valid_when_uncommented(tmp_path: Path):
    file = tmp_path / ".env"
    for content in (EXAMPLE, re.sub(r"^#(?=[A-Z_]+=)", "", EXAMPLE, flags=re.MULTILINE)):
        file.write_text(content, "utf-8")
        assert load_settings(_env_file=file) == load()


def test_a_secret_key_that_can_be_guessed_is_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="SECRET_KEY: must have at least 16 characters"):
        load(secret_key="x")

    (tmp_path / "secret_key").touch()
    with pytest.raises(ConfigurationError, match="holds no key"):
        load(data_dir=tmp_path).resolved_secret_key()
