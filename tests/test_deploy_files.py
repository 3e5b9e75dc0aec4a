"""Dockerfile, compose.yaml, Procfile and app.json agree, and what they start starts here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
import yaml

from config import Settings
from sentinelweb.runtime import procfile
from tests.support.stack import (
    ROOT,
    PrivateRedis,
    clean_environment,
    ended,
    free_port,
    http_get,
    wait_until,
)

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
APP_JSON = json.loads((ROOT / "app.json").read_text("utf-8"))
COMMANDS = procfile.load(ROOT / "Procfile")
PYTHON = (ROOT / ".python-version").read_text().strip()
SETTINGS = {name.upper() for name in Settings.model_fields}


class Instruction(NamedTuple):
    name: str
    value: str


def dockerfile() -> list[list[Instruction]]:
    """The instructions of each stage."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    stages: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            instruction = Instruction(*line.split(maxsplit=1))
            if instruction.name == "FROM":
                stages.append([])
            stages[-1].append(instruction)
    return stages


STAGES = dockerfile()
FINAL = STAGES[-1]


def values(name: str, stage: list[Instruction] = FINAL) -> list[str]:
    return [instruction.value for instruction in stage if instruction.name == name]


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for value in values("ENV") for pair in shlex.split(value))


def test_the_image_runs_as_an_ordinary_user_who_owns_nothing_but_the_data():
    [user] = values("USER")
    assert user not in {"root", "0"}
    names = [instruction.name for instruction in FINAL]
    assert names.index("USER") > max(
        index for index, name in enumerate(names) if name in {"RUN", "COPY"}
    )
    assert all("--chown" not in value for value in values("COPY"))
    assert f"-o {user} /data" in " ".join(values("RUN"))
    assert values("VOLUME") == ["/data"]


def test_the_image_listens_where_it_says():
    environment = image_environment()
    assert values("EXPOSE") == [environment["PORT"]]
    assert environment["DATA_DIR"] == "/data"
    assert environment["PORT"] == str(Settings.model_fields["port"].default)
    assert Settings.model_fields["app_host"].default == "0.0.0.0"


def test_the_image_starts_the_supervisor():
    assert [json.loads(value) for value in values("CMD")] == [
        ["python", "-m", "sentinelweb.runtime.supervisor"]
    ]


def test_the_image_installs_by_hash_and_holds_no_secret():
    commands = " ".join(value for stage in STAGES for value in values("RUN", stage))
    assert "pip install --require-hashes -r requirements.txt" in commands
    assert "npm ci" in commands
    for stage in STAGES:
        for value in [*values("ENV", stage), *values("ARG", stage)]:
            assert not re.search(r"SECRET|PASSWORD|TOKEN", value)


def test_all_use_the_python_that_the_tests_know():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={PYTHON}"
    bases = [value for stage in STAGES for value in values("FROM", stage)]
    assert len([base for base in bases if base.startswith(f"python:{PYTHON}-")]) == 2


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "tools/installer.txt", "tools/node.txt"]
)
def test_a_lock_file_has_hashes_and_names_no_host(name: str):
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    pinned = re.findall(r"^[a-z0-9][^ \n]*==\S+", text, re.MULTILINE)
    assert pinned
    assert len(re.findall(r"==\S+.*?\\\n +--hash=sha256:", text)) == len(pinned)


def test_the_development_lock_has_the_versions_of_the_other():
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / name).read_text("utf-8"), re.MULTILINE))

    assert versions("requirements.txt") <= versions("requirements-dev.txt")


def test_compose_starts_what_the_procfile_does():
    ours = {name: service for name, service in SERVICES.items() if "build" in service}
    commands = {name: shlex.join(service["command"]) for name, service in ours.items()}
    assert commands == COMMANDS
    assert {service["build"] for service in ours.values()} == {"."}


def test_compose_publishes_the_pages_alone():
    published = {name: item["ports"] for name, item in SERVICES.items() if "ports" in item}
    port = SERVICES["web"]["environment"]["PORT"]
    assert published == {"web": [f"${{PORT:-8000}}:{port}"]}


def test_compose_points_at_services_that_there_are():
    for name in COMMANDS:
        environment = SERVICES[name]["environment"]
        assert set(environment) <= SETTINGS | {"HEALTH_URL"}
        assert re.search(r"@(\w+)/", environment["DATABASE_URL"])[1] in SERVICES
        assert re.search(r"//(\w+):", environment["REDIS_URL"])[1] in SERVICES
        assert set(SERVICES[name]["depends_on"]) <= set(SERVICES)
    for name in ("web", "worker", "scheduler"):
        conditions = {key: item["condition"] for key, item in SERVICES[name]["depends_on"].items()}
        assert conditions == {
            "release": "service_completed_successfully",
            "db": "service_healthy",
            "redis": "service_healthy",
        }


def test_compose_checks_the_health_of_all_that_goes_on_and_keeps_its_data():
    for name, service in SERVICES.items():
        if name == "release":
            assert service["healthcheck"] == {"disable": True}
        else:
            assert service["healthcheck"]["test"][0] == "CMD"
            assert service["restart"] == "unless-stopped"
        for volume in service["volumes"]:
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_compose_holds_no_secret():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN", name):
                assert value.startswith("${POSTGRES_PASSWORD:?")
    for name in COMMANDS:
        assert ":${POSTGRES_PASSWORD:?" in SERVICES[name]["environment"]["DATABASE_URL"]


def test_app_json_asks_for_what_the_procfile_needs():
    assert set(APP_JSON["formation"]) == set(COMMANDS) - {"release"}
    assert set(APP_JSON["env"]) <= SETTINGS
    assert APP_JSON["env"]["SECRET_KEY"] == {
        "description": APP_JSON["env"]["SECRET_KEY"]["description"],
        "generator": "secret",
    }
    assert [addon.split(":")[0] for addon in APP_JSON["addons"]] == [
        "heroku-postgresql",
        "heroku-redis",
    ]
    assert [item["url"] for item in APP_JSON["buildpacks"]] == ["heroku/nodejs", "heroku/python"]
    assert os.access(ROOT / "bin" / "post_compile", os.X_OK), "the Python buildpack runs it"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the image gets, built as the Dockerfile builds them."""
    directory = tmp_path_factory.mktemp("image")
    patterns = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert patterns[1] == "*"
    for pattern in patterns[2:]:
        if pattern.startswith("!"):
            source = ROOT / pattern[1:].rstrip("/")
            target = directory / source.relative_to(ROOT)
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.mo", "vendor")
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy2(source, target)
    (directory / "node_modules").symlink_to(ROOT / "node_modules")
    environment = clean_environment() | {"PYTHONPATH": ""}
    subprocess.run([directory / "bin" / "post_compile"], cwd=directory, env=environment, check=True)
    (directory / "node_modules").unlink()
    return directory


def test_the_image_gets_all_that_the_program_needs_and_nothing_else(image: Path):
    names = {path.name for path in image.iterdir()}
    assert {"config.py", "wsgi.py", "gunicorn.conf.py", "Procfile", "migrations"} <= names
    assert not names & {".env", "data", "tests", ".git", ".venv", "docs", "benchmarks"}
    assert (image / "sentinelweb" / "static" / "vendor" / "htmx.min.js").is_file()
    for catalog in image.rglob("messages.po"):
        assert catalog.with_suffix(".mo").is_file()


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """As the image and compose set it, with this machine's addresses."""
    with PrivateRedis(tmp_path) as redis:
        yield clean_environment() | {
            **image_environment(),
            "PATH": clean_environment()["PATH"],
            "PYTHONPATH": "",
            "DATA_DIR": str(tmp_path / "data"),
            "PORT": str(free_port()),
            "APP_HOST": "127.0.0.1",
            "REDIS_URL": redis.url,
        }


def test_every_command_of_the_procfile_starts_from_the_image_s_files(
    image: Path, environment: dict[str, str], tmp_path: Path
):
    def start(command: str) -> psutil.Popen:
        line = procfile.shell_line(command)
        return psutil.Popen(["/bin/sh", "-c", line], cwd=image, env=environment)

    def healthcheck(*part: str) -> int:
        [check] = [value.partition("CMD ")[2] for value in values("HEALTHCHECK")]
        command = [sys.executable, *json.loads(check)[1:], *part]
        result = subprocess.run(command, cwd=image, env=environment, stderr=subprocess.DEVNULL)
        return result.returncode

    assert healthcheck() == 1
    assert start(COMMANDS["release"]).wait(30) == 0
    running = [start(COMMANDS[name]) for name in ("web", "worker", "scheduler")]
    try:
        wait_until(lambda: healthcheck() == 0, 20)
        wait_until(lambda: healthcheck("worker") == healthcheck("scheduler") == 0, 20)
        port = int(environment["PORT"])
        assert wait_until(lambda: http_get(port, "/ready")[0] == 200, 20)
        assert http_get(port, "/setup")[0] == 200
        running[1].kill()
        running[1].wait()
        wait_until(lambda: healthcheck("worker") == 1, 15)
        assert healthcheck() == healthcheck("scheduler") == 0
    finally:
        family = [
            item for process in running if process.is_running()
            for item in [process, *process.children(recursive=True)]
        ]  # fmt: skip
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
        assert not ended(family, within=2)
    database = tmp_path / "data" / "sentinelweb.db"
    assert stat.S_ISREG(database.stat().st_mode)
