"""What `make run` runs comes back when it dies or hangs, and ends with it; real processes."""

from __future__ import annotations

import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.stack import Stack, ended, runs, wait_until

PYTHON = shlex.quote(sys.executable)
WEB = f"web: {PYTHON} {shlex.quote(str(Path(__file__).with_name('stub_web.py')))}\n"
SLEEPER = "sleeper: echo hello from $$; exec sleep 1000\n"
NO_REDIS = {"redis_url": "redis://127.0.0.1:9/0"}

MakeStack = Callable[..., Stack]


@pytest.fixture
def stack(tmp_path: Path, request: pytest.FixtureRequest) -> MakeStack:
    """`stack(procfile)` starts a supervisor that is killed after the test."""

    def start(procfile: str | None = None, **settings: object) -> Stack:
        stack = Stack(tmp_path, procfile, **settings)
        request.addfinalizer(stack.kill)
        return stack.start()

    return start


def sleeper(stack: Stack, *, after: psutil.Process | None = None) -> psutil.Process:
    """The sleeper that runs; `after` is one that must end first."""
    if after:
        assert not ended([after], within=5)
    return stack.process_of("sleep 1000")


def test_a_process_that_is_killed_is_started_again(stack: MakeStack):
    running = stack(SLEEPER, **NO_REDIS)
    first = sleeper(running)
    first.kill()
    assert sleeper(running, after=first).pid != first.pid
    running.says("sleeper ended with SIGKILL; starting again in 0.2 s")


def test_a_process_that_keeps_dying_is_tried_ever_more_rarely(stack: MakeStack):
    running = stack("broken: echo trying; exit 3\n", **NO_REDIS)
    running.says("starting again in 3.0 s", within=15)
    for delay in ("0.2", "0.4", "0.8", "1.6"):
        assert f"broken ended with status 3; starting again in {delay} s" in running.output
    assert running.output.count("trying") == 5


def test_a_process_that_cannot_be_started_is_tried_again(stack: MakeStack):
    running = stack(SLEEPER, **NO_REDIS)
    first = sleeper(running)
    assert running.process is not None
    supervisor = psutil.Process(running.process.pid)
    limits = supervisor.rlimit(psutil.RLIMIT_NOFILE)
    supervisor.rlimit(psutil.RLIMIT_NOFILE, (3, limits[1]))  # no pipe for the output is to be had
    first.kill()
    running.says("sleeper cannot be started: Too many open files; starting again in", within=5)
    supervisor.rlimit(psutil.RLIMIT_NOFILE, limits)
    assert sleeper(running, after=first)


def test_a_stopped_process_is_noticed_killed_and_started_again(stack: MakeStack):
    running = stack(SLEEPER, **NO_REDIS)
    first = sleeper(running)
    first.suspend()
    running.says(f"sleeper hangs: process {first.pid} is stopped; killing it", within=10)
    assert sleeper(running, after=first).pid != first.pid


def test_a_stopped_grandchild_is_noticed_too(stack: MakeStack):
    running = stack("parent: sleep 1000 & wait; exec sleep 2000\n", **NO_REDIS)
    grandchild = sleeper(running)
    grandchild.suspend()
    running.says(f"parent hangs: process {grandchild.pid} is stopped", within=10)
    assert not ended([grandchild], within=5)


def test_a_web_process_that_does_not_answer_is_started_again(stack: MakeStack):
    running = stack(WEB, constants={"watch.SILENT_FOR": 2, "watch.ANSWER_WITHIN": 1}, **NO_REDIS)
    running.says("SentinelWeb runs at http://localhost:")
    first = running.process_of("stub_web.py")
    (running.directory / "hang").touch()
    running.says("web hangs: no answer to /health", within=10)
    (running.directory / "hang").unlink()
    assert wait_until(lambda: running.get("/health")[0] == 200, 5)
    assert not runs(first)


def test_a_worker_that_is_no_longer_recorded_is_started_again(stack: MakeStack):
    procfile = WEB + "worker: sleep 1000\nscheduler: sleep 2000\n"
    running = stack(procfile, constants={"watch.STALE_FOR": 2}, **NO_REDIS)
    worker, scheduler = sleeper(running), running.process_of("sleep 2000")
    running.says("SentinelWeb runs at")
    (running.directory / "stale").write_text("worker")
    running.says("worker hangs: no sign of it for 99 s; killing it", within=10)
    assert not ended([worker], within=5)
    assert runs(scheduler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_cleanly_when_asked(stack: MakeStack, number: signal.Signals):
    polite = "polite: trap 'echo goodbye; exit 0' TERM; sleep 1000 & wait\n"
    running = stack(polite + SLEEPER, **NO_REDIS)
    running.says("hello from")
    family = wait_until(lambda: processes(running, 3), 5)
    assert running.stop(number) == 0
    assert "goodbye" in running.output
    assert not ended(family, within=1)


def processes(running: Stack, count: int) -> list[psutil.Process]:
    family = running.family()
    return family if len(family) >= count else []


def test_what_does_not_stop_is_killed_after_a_grace(stack: MakeStack):
    deaf = "deaf: trap '' TERM; echo ready; while :; do sleep 0.1; done\n"
    running = stack(deaf, constants={"service.STOP_GRACE": 1}, **NO_REDIS)
    running.says("ready")
    family = running.family()
    assert running.stop(within=10) == 0
    running.says("deaf did not stop within 1 s; killing it")
    assert not ended(family, within=1)


def test_nothing_outlives_a_supervisor_that_is_killed(stack: MakeStack):
    running = stack(WEB + SLEEPER)
    running.says("SentinelWeb runs at")
    family = running.family()
    assert {"sleep", "valkey-server"} <= {process.name() for process in family}
    assert running.process is not None
    running.process.kill()
    assert not ended(family, within=5)
    running.process.wait()


def test_it_stops_when_the_make_that_started_it_is_killed(stack: MakeStack, tmp_path: Path):
    (tmp_path / "Makefile").write_text(f"run:\n\t@{PYTHON} -m sentinelweb.runtime.supervisor\n")
    running = Stack(tmp_path, SLEEPER, **NO_REDIS)
    with running.log.open("wb") as log:
        make = psutil.Popen(
            ["make", "-f", "../Makefile", "run"],
            cwd=running.directory,
            env=running.environment,
            stdout=log,
        )
    with make:
        running.says("hello from")
        family = make.children(recursive=True)
        make.kill()
    assert not ended(family, within=5)
    assert "Stopping" in running.output


def test_a_second_ctrl_c_stops_at_once(stack: MakeStack):
    running = stack("deaf: trap '' TERM; echo ready; while :; do sleep 0.1; done\n", **NO_REDIS)
    running.says("ready")
    family = running.family()
    assert running.process is not None
    running.process.send_signal(signal.SIGINT)
    running.says("Stopping")
    assert running.stop(signal.SIGINT, within=5) == 0
    assert not ended(family, within=1)


def test_it_starts_where_a_killed_one_left_off(stack: MakeStack):
    running = stack(WEB)
    running.says("SentinelWeb runs at")
    running.kill()
    running.start()
    wait_until(lambda: running.get("/health")[0] == 200, 10)
    wait_until(lambda: running.output.count("SentinelWeb runs at") == 2, 10)
    assert "cannot start" not in running.output


def test_the_release_step_runs_once_and_before_all_else(stack: MakeStack):
    running = stack("release: sleep 0.3 && echo released\n" + SLEEPER, **NO_REDIS)
    first = sleeper(running)
    assert "released" in running.output
    first.kill()
    sleeper(running, after=first)
    assert running.output.count("released") == 1


def test_a_failing_release_step_starts_nothing(stack: MakeStack):
    running = stack("release: echo no database >&2; exit 4\n" + SLEEPER, **NO_REDIS)
    assert running.process is not None
    assert running.process.wait(60) == 1
    assert "no database" in running.output
    assert "The release step failed, see above. Nothing was started." in running.output
    assert "hello" not in running.output


def test_the_release_step_can_be_interrupted(stack: MakeStack):
    running = stack("release: sleep 1000\n" + SLEEPER, **NO_REDIS)
    family = [sleeper(running)]
    running.stop(signal.SIGINT, within=5)
    assert not ended(family, within=1)
    assert "hello" not in running.output


def test_a_port_in_use_is_named(stack: MakeStack, tmp_path: Path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        running = stack(SLEEPER, port=port, **NO_REDIS)
        assert running.process is not None
        assert running.process.wait(60) == 1
    assert running.output == (
        f"SentinelWeb cannot start: port {port} is already in use. "
        f"Choose another one: PORT={port + 1}\n"
    )


def test_a_second_one_on_the_same_data_is_refused(stack: MakeStack, tmp_path: Path):
    running = stack(SLEEPER)
    sleeper(running)
    (tmp_path / "second").mkdir()
    with Stack(tmp_path / "second", SLEEPER, data_dir=running.data_dir) as second:
        assert second.process is not None
        assert second.process.wait(60) == 1
        assert f"another SentinelWeb already runs on {running.data_dir}" in second.output


@pytest.mark.parametrize(
    ("procfile", "settings", "sentence"),
    [
        ("what is this\n", {}, "Procfile, line 1: expected `name: command`"),
        (
            SLEEPER,
            {"worker_processes": "many"},
            "WORKER_PROCESSES: Input should be a valid integer",
        ),
        (SLEEPER, {"app_host": "192.0.2.1"}, "APP_HOST=192.0.2.1 cannot be listened on"),
        (
            SLEEPER,
            {"data_dir": "/proc/nowhere"},
            "DATA_DIR=/proc/nowhere cannot be used: No such file or directory",
        ),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    stack: MakeStack, procfile: str, settings: dict[str, str], sentence: str
):
    running = stack(procfile, **settings)
    assert running.process is not None
    assert running.process.wait(60) == 1
    assert running.output.startswith("SentinelWeb cannot start: ")
    assert sentence in running.output
    assert running.output.count("\n") == 1


def test_each_line_bears_the_name_of_its_process(stack: MakeStack):
    code = "print('x' * 100_000); print('last', end='', flush=True)"
    running = stack(f'long: {PYTHON} -c "{code}"\n', **NO_REDIS)
    running.says("last")
    lines = running.output.splitlines()
    assert f"long     | {'x' * 100_000}" in lines
    assert "long     | last" in lines


def test_it_goes_on_when_nobody_reads_its_output(stack: MakeStack, tmp_path: Path):
    running = Stack(tmp_path, "chatty: while :; do echo $$; sleep 0.05; done\n", **NO_REDIS)
    reader = subprocess.Popen(
        [sys.executable, "-m", "sentinelweb.runtime.supervisor"],
        cwd=running.directory,
        env=running.environment,
        stdout=subprocess.PIPE,
    )
    with reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        reader.stdout.close()
        time.sleep(0.5)
        assert reader.poll() is None
        reader.terminate()
        assert reader.wait(60) == 0


def test_every_process_of_the_real_thing_comes_back(stack: MakeStack):
    """Killed, then stopped: web, worker, scheduler and Redis, and their children."""
    running = stack()
    running.becomes_ready()
    names = {
        "web": ("gunicorn",),
        "worker": ("flask", "worker"),
        "scheduler": ("flask", "scheduler"),
        "redis": ("valkey-server",),
    }
    for number in (signal.SIGKILL, signal.SIGSTOP):
        for words in names.values():
            parent = running.process_of(*words)
            for victim in [*parent.children()[:1], parent]:
                victim.send_signal(number)
                assert not ended([victim], within=8)
                wait_until(lambda words=words: running.find(*words), 5)
                running.becomes_ready(within=8)
    assert running.stop() == 0
    assert "Traceback" not in running.output, running.output
