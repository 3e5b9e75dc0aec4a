"""`python -m tools.demo`: fills the demo's database the first time, then runs everything.

All of it is in DEMO_DIR (./data/demo): the data in `site`, and in `run` a Procfile that has the
mock controller and the demo's life beside SentinelWeb's own processes. Neither DATABASE_URL nor
REDIS_URL nor a `.env` is read, so that no other database can be meant.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

from config import ConfigurationError, Settings, load_settings
from sentinelweb.runtime.supervisor import check_port
from tools.demo.fill import fill

ROOT = Path(__file__).resolve().parents[2]
TARGETS = 5
MOCK_PORT = 8099
# What may be chosen; everything else of the environment that SentinelWeb would read is left out.
CHOSEN = ("APP_HOST", "APP_PORT", "LOG_FORMAT", "LOG_LEVEL", "PORT", "TZ", "WEB_CONCURRENCY")
NOTES = "demo.json"


def main() -> NoReturn:
    directory = Path(os.environ.get("DEMO_DIR") or ROOT / "data" / "demo").resolve()
    try:
        mock_port = _mock_port()
        _choose_environment(directory)
        run = _make_run_directory(directory)
        notes = _notes(directory, mock_port)
        mock_port = notes["mock_port"]
        _check_ports(mock_port)
        _write_procfile(run, directory, mock_port)
        _point_at_mock(notes["mock"])
    except (ConfigurationError, OSError) as error:
        sys.exit(f"The demo cannot start: {error}")
    command = [sys.executable, "-m", "sentinelweb.runtime.supervisor"]
    os.execv(command[0], command)  # noqa: S606 - this interpreter


def _mock_port() -> int:
    text = os.environ.get("MOCK_PORT") or str(MOCK_PORT)
    if not text.isdigit() or not 1 <= int(text) <= 65_535 - TARGETS:
        raise ConfigurationError("MOCK_PORT must be a port with five more above it")
    return int(text)


def _choose_environment(directory: Path) -> None:
    """Leave nothing in the environment that would lead to anybody else's data."""
    ours = {name.upper() for name in Settings.model_fields} | {"ADMIN_SESSION_SECRET", "APP_PORT"}
    for name in list(os.environ):
        is_setting = name.upper() in ours or name.upper().startswith("SERVICE_")
        if is_setting and name not in CHOSEN:
            del os.environ[name]
    os.environ.setdefault("APP_HOST", "127.0.0.1")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ["DATA_DIR"] = str(directory / "site")
    os.environ["PYTHONPATH"] = str(ROOT)


def _make_run_directory(directory: Path) -> Path:
    """Where the processes run: beside no `.env`, with links to what they look for."""
    run = directory / "run"
    run.mkdir(parents=True, exist_ok=True)
    for name in ("wsgi.py", "gunicorn.conf.py", "migrations"):
        link = run / name
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / name)
    os.chdir(run)
    return run


def _notes(directory: Path, mock_port: int) -> dict[str, Any]:
    """What is known of the demo's data, which is made if there is none yet."""
    site, filling = directory / "site", directory / "filling"
    path = site / NOTES
    if not path.exists():
        if site.exists():
            raise ConfigurationError(
                f"{site} is not a demo's. Choose another DEMO_DIR, or move it away."
            )
        # Made aside, so that one that was cut short is not taken for the whole.
        shutil.rmtree(filling, ignore_errors=True)
        print("Making a month of history. This takes a moment.", flush=True)
        settings = load_settings(data_dir=filling)
        mock = f"http://127.0.0.1:{mock_port}"
        ports = range(mock_port + 1, mock_port + 1 + TARGETS)
        notes = fill(settings, str(ROOT / "migrations"), mock, ports)
        notes |= {"mock": mock, "mock_port": mock_port}
        draft = filling / NOTES
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(notes), "utf-8")
        filling.rename(site)
    return dict(json.loads(path.read_text("utf-8")))


def _check_ports(mock_port: int) -> None:
    settings = load_settings()
    check_port(settings.app_host, settings.port)
    for port in range(mock_port, mock_port + 1 + TARGETS):
        try:
            check_port("127.0.0.1", port)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"port {port}, which the mock controller needs, is in use. "
                "Stop what uses it, or begin another demo: DEMO_DIR=data/demo-2 MOCK_PORT=9099"
            ) from error


def _write_procfile(run: Path, directory: Path, mock_port: int) -> None:
    python = shlex.quote(sys.executable)
    notes = shlex.quote(str(directory / "site" / NOTES))
    lines = (
        (ROOT / "Procfile").read_text("utf-8").rstrip(),
        f"mock: {python} -m sentinelweb mock --port {mock_port} --targets {TARGETS}",
        f"life: {python} -m tools.demo.life {notes}",
    )
    (run / "Procfile").write_text("\n".join(lines) + "\n", "utf-8")


def _point_at_mock(mock: str) -> None:
    """The relay, the internet check and n8n talk to the mock controller: no network is needed."""
    os.environ.update(
        HEARTBEAT_URL=f"{mock}/api/heartbeat",
        HEARTBEAT_SECRET_KEY="demo",  # noqa: S106 - the mock controller asks for none
        N8N_WEBHOOK_URL=f"{mock}/alerts",
        PING_URL=f"{mock}/target/website",
        SERVICE_NAMES="status_page",
        SERVICE_URL_status_page=f"{mock}/",
    )


if __name__ == "__main__":
    main()
