"""`flask services import-env` (cli/services.py, services/env_import.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import Service, User
from sentinelweb.services import counts
from tests.support.factories import make_service, team_of

SEED_004 = """
# The agent's
SECRET_KEY=sk_12345abcdef
HEARTBEAT_URL=https://worker.example.com/api/heartbeat
N8N_WEBHOOK_URL=https://n8n.example.com/webhook/hidden-path
LOOP_INTERVAL_SECONDS=30
STATUS_CHANGE_THRESHOLD=4
TZ=America/Lima
SQLITE_DB_PATH=data/metrics.db
INTERNAL_DNS_OVERRIDE_IP=172.17.0.1

SERVICE_NAMES=nextjs,api,nginx
SERVICE_URL_nextjs=https://www.example.com
SERVICE_URL_api="https://user:hidden-password@api.example.com/health?key=hidden-key"
SERVICE_HEADERS_api="x-health-check:true,Authorization:Bearer hidden-token"
SERVICE_URL_nginx="docker:my-nginx-container"
"""

Import = Callable[..., Result]


@pytest.fixture
def import_env(app: Flask, tmp_path: Path) -> Import:
    """`import_env(text, *options)`: the command for a file with this text."""

    def import_env(content: str | bytes, *options: str) -> Result:
        path = tmp_path / "agent.env"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return run(app, str(path), *options)

    return import_env


def run(app: Flask, *arguments: str) -> Result:
    db.session.commit()
    result = app.test_cli_runner().invoke(args=["services", "import-env", *arguments])
    db.session.rollback()
    db.session.expire_all()
    return result


def became(result: Result) -> dict[str, str]:
    """What is said of each variable, by its name."""
    lines = (line.split(maxsplit=2) for line in result.output.partition("\n\n")[0].splitlines())
    return {words[1]: words[2] for words in lines}


def services() -> dict[str, Service]:
    return {row.name: row for row in db.session.scalars(sa.select(Service).order_by(Service.id))}


class TestAWholeFile:
    def test_its_services_become_ordinary_ones_of_the_first_administrator(
        self, import_env: Import, admin: User
    ) -> None:
        result = import_env(SEED_004)

        assert result.exit_code == 0, result.output
        found = services()
        assert list(found) == ["nextjs", "api", "nginx"]
        assert {row.team_id for row in found.values()} == {team_of(admin).id}
        assert not any(row.from_environment for row in found.values())
        assert {row.interval for row in found.values()} == {30}
        assert {row.probe for row in found.values()} == {"http", "docker"}
        assert found["api"].options == {
            "headers": "x-health-check: true\nAuthorization: Bearer hidden-token"
        }
        assert counts.by_status("service")[Status.NEW] == 3
        assert "Services imported: 3; there already: 0; settings to set: 6" in result.output

    def test_it_says_what_became_of_each_line(self, import_env: Import, admin: User) -> None:
        said = became(import_env(SEED_004))

        assert said["SECRET_KEY"].endswith(
            "set HEARTBEAT_SECRET_KEY=•••••••• in .env, with the value of this line"
        )
        assert (
            "set HEARTBEAT_URL=https://worker.example.com/api/heartbeat in .env"
            in (said["HEARTBEAT_URL"])
        )
        assert "set TZ=America/Lima in .env" in said["TZ"]
        assert "set INTERNAL_DNS_OVERRIDE_IP=172.17.0.1" in said["INTERNAL_DNS_OVERRIDE_IP"]
        assert said["STATUS_CHANGE_THRESHOLD"].startswith("present")
        assert said["SQLITE_DB_PATH"].startswith("ignored")
        assert said["SERVICE_NAMES"] == "present   understood: 3 services"
        assert said["SERVICE_URL_api"].endswith(
            "the service “api”, https://api.example.com/health, every 30 s"
        )
        assert said["SERVICE_HEADERS_api"].endswith("x-health-check, Authorization")

    def test_it_shows_no_secret(self, import_env: Import, admin: User) -> None:
        output = import_env(SEED_004).output
        assert "hidden" not in output
        assert "sk_12345abcdef" not in output

    def test_the_numbers_are_those_of_the_lines(self, import_env: Import, admin: User) -> None:
        output = import_env("\n\n# nothing\nFOO=1\n\nnonsense here\n").output
        assert "   4  FOO" in output
        assert "   6  " in output

    def test_doing_it_again_changes_nothing(self, import_env: Import, admin: User) -> None:
        import_env(SEED_004)
        before = {name: row.id for name, row in services().items()}

        again = import_env(SEED_004)

        assert {name: row.id for name, row in services().items()} == before
        assert "Services imported: 0; there already: 3" in again.output

    def test_a_dry_run_imports_nothing(self, import_env: Import, admin: User) -> None:
        result = import_env(SEED_004, "--dry-run")

        assert services() == {}
        assert "Services to import: 3" in result.output


class TestWhose:
    def test_they_may_be_another_user_s(self, import_env: Import, admin: User, user: User) -> None:
        import_env("SERVICE_URL_a=https://a.example.com", "--user", "user@example.com")
        assert services()["a"].team_id == team_of(user).id

    def test_docker_is_for_administrators(
        self, import_env: Import, admin: User, user: User
    ) -> None:
        result = import_env("SERVICE_URL_a=docker:a", "--user", "user@example.com")
        assert services() == {}
        assert "Only administrators" in became(result)["SERVICE_URL_a"]

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ((), "There is no administrator yet."),
            (("--user", "nobody@example.com"), "There is no user nobody@example.com."),
        ],
    )
    def test_without_anybody_it_says_so(
        self, import_env: Import, options: tuple[str, ...], reason: str
    ) -> None:
        result = import_env(SEED_004, *options)
        assert (result.exit_code, result.output) == (1, f"Error: {reason}\n")


class TestOddLines:
    @pytest.mark.parametrize(
        ("text", "name", "said"),
        [
            ("SERVICE_URL_x=ftp://example.com", "SERVICE_URL_x", "refused   must begin with"),
            ("SERVICE_URL_x=https://${HOST}/", "SERVICE_URL_x", "refused   names another variable"),
            ("SERVICE_URL_x=", "SERVICE_URL_x", "ignored   it is empty"),
            ("SERVICE_NAMES=x,y", "SERVICE_NAMES", "refused   x has no SERVICE_URL_x; y has no"),
            ("SERVICE_HEADERS_x=A:1", "SERVICE_HEADERS_x", "refused   there is no SERVICE_URL_x"),
            (
                "SERVICE_URL_x=https://example.com\nSERVICE_HEADERS_x=Upgrade:h2c",
                "SERVICE_URL_x",
                "refused   its headers cannot be used",
            ),
            ("TZ=UTC\nTZ=America/Lima", "TZ", "to set    set TZ=America/Lima"),
            ("LOOP_INTERVAL_SECONDS=often", "LOOP_INTERVAL_SECONDS", "refused   cannot be used"),
            ("PATH=/bin", "PATH", "ignored   SentinelWeb has no setting of this name"),
            ("export TZ='America/Lima' # Peru", "TZ", "to set    set TZ=America/Lima in .env"),
        ],
    )
    def test_each_is_answered(
        self, import_env: Import, admin: User, text: str, name: str, said: str
    ) -> None:
        result = import_env(text)
        assert result.exit_code == 0, result.output
        assert became(result)[name].startswith(said)
        assert services() == {}

    def test_a_service_of_the_same_name_is_never_changed(
        self, import_env: Import, admin: User
    ) -> None:
        mine = make_service(admin, name="x", target="https://mine.example.com/")

        result = import_env("SERVICE_URL_x=https://other.example.com/")

        assert "was not changed" in became(result)["SERVICE_URL_x"]
        assert services()["x"].target == mine.target

    def test_lines_that_are_no_variables_are_refused_one_by_one(
        self, import_env: Import, admin: User
    ) -> None:
        result = import_env("nonsense here\n=1\nSERVICE_URL_x=https://x.example.com\n")
        assert result.output.count("not understood; write NAME=value") == 2
        assert list(services()) == ["x"]

    def test_a_byte_order_mark_and_windows_lines_are_no_trouble(
        self, import_env: Import, admin: User
    ) -> None:
        import_env(b"\xef\xbb\xbfSERVICE_URL_x=https://x.example.com/\r\nTZ=UTC\r\n")
        assert services()["x"].target == "https://x.example.com/"

    def test_an_empty_file_has_nothing_to_import(self, import_env: Import, admin: User) -> None:
        result = import_env("")
        assert result.exit_code == 0
        assert "Services imported: 0" in result.output


class TestFilesThatCannotBeRead:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"A=1\0", "is not a text file in UTF-8."),
            (b"A=\xff\xfe", "is not a text file in UTF-8."),
            (b"A=1\n" * 300_000, "is larger than 1,000,000 bytes: not a .env."),
        ],
    )
    def test_binary_and_huge_ones_are_refused(
        self, import_env: Import, admin: User, content: bytes, reason: str
    ) -> None:
        result = import_env(content)
        assert result.exit_code == 1
        assert result.output.startswith("Error: ")
        assert result.output.endswith(f"{reason}\n")

    def test_a_missing_one_and_a_directory_are_said(
        self, app: Flask, admin: User, tmp_path: Path
    ) -> None:
        missing = run(app, str(tmp_path / "none"))
        assert (missing.exit_code, missing.output) == (
            1,
            f"Error: There is no file {tmp_path / 'none'}.\n",
        )
        directory = run(app, str(tmp_path))
        assert directory.output == f"Error: {tmp_path} cannot be read: Is a directory.\n"
