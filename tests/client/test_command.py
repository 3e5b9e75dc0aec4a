"""`sentinelweb run -- COMMAND`: as if it were not there, and SentinelWeb knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sentinelweb.models import HeartbeatCheck, Process, User
from tests.client.conftest import Site
from tests.support.receiver import Receiver, Reply
from tests.support.stack import ROOT, clean_environment, free_port, wait_until

Registered = Callable[[], list[Process]]
Start = Callable[..., "subprocess.Popen[bytes]"]

PATIENCE = 60.0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as running:

        def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", "sentinelweb", "run", *arguments],
                cwd=tmp_path,
                env={**clean_environment(), "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            running.callback(process.communicate)
            running.callback(lambda: process.poll() is None and process.kill())
            return process

        yield start


@pytest.fixture
def run(start: Start) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        process = start(*arguments, **environment)
        output, errors = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    return run


def waits_for(condition: Callable[[], object]) -> None:
    wait_until(lambda: bool(condition()), PATIENCE, "it did not happen")


def test_a_command_is_registered_and_ends_well(
    run: Callable[..., subprocess.CompletedProcess[bytes]], site: Site, registered: Registered
) -> None:
    done = run("--name", "Backup", "--tag", "nightly", "--", "echo", "done", **site.environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"done\n", b"")
    [process] = registered()
    assert (process.name, process.tags, process.status) == ("Backup", ["nightly"], "paused")
    assert process.output == "done\n"
    assert process.message.startswith("Ran for ")


def test_a_failure_is_passed_on_and_told_with_the_last_lines(
    run: Callable[..., subprocess.CompletedProcess[bytes]], site: Site, registered: Registered
) -> None:
    script = "echo one; echo two >&2; exit 3"
    done = run("--", "sh", "-c", script, **site.environment)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"one\n", b"two\n")
    [process] = registered()
    assert (process.name, process.status, process.exit_status) == ("sh", "down", 3)
    assert sorted(process.output.split()) == ["one", "two"]


def test_whatever_stands_behind_the_dashes_is_the_commands(
    run: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    done = run("--name", "x", "--", "echo", "--name", "y", "--", "--help", "-h")
    assert done.stdout == b"--name y -- --help -h\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], b"name a command"),
        (["--"], b"name a command"),
        (["--name", "x"], b"name a command"),
        (["--expiry", "1", "--", "true"], b"--expiry is from 2"),
        (["--ping", "example.com", "--", "true"], b"--ping is a URL"),
    ],
)
def test_a_wrong_line_is_told_in_a_sentence(
    run: Callable[..., subprocess.CompletedProcess[bytes]], arguments: list[str], sentence: bytes
) -> None:
    done = run(*arguments)
    assert done.returncode == 64
    assert sentence in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_command_that_is_not_there_ends_as_in_a_shell(
    run: Callable[..., subprocess.CompletedProcess[bytes]], site: Site, registered: Registered
) -> None:
    done = run("--", "/nonexistent/command", **site.environment)
    assert done.returncode == 127
    assert b"No such file" in done.stderr
    assert registered()[0].exit_status == 127
    assert run("--", "/etc/hostname").returncode == 126


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(start: Start, number: signal.Signals) -> None:
    trap = f"trap 'echo heard; exit 7' {number.name.removeprefix('SIG')}"
    script = f"{trap}; echo ready; while :; do sleep 0.1; done"
    process = start("--", "sh", "-c", script)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == b"heard\n"
    assert process.wait(PATIENCE) == 7


def test_it_dies_as_its_command_did(
    run: Callable[..., subprocess.CompletedProcess[bytes]], site: Site, registered: Registered
) -> None:
    for name in ("TERM", "KILL"):
        done = run("--", "sh", "-c", f"kill -{name} $$", **site.environment)
        assert done.returncode == -getattr(signal, f"SIG{name}")
    assert [process.exit_status for process in registered()] == [143, 137]


@pytest.mark.parametrize("trouble", ["nobody", "500", "hang"])
def test_without_a_network_the_command_runs_all_the_same(
    run: Callable[..., subprocess.CompletedProcess[bytes]], trouble: str
) -> None:
    with Receiver() as receiver:
        receiver.default = Reply(hang=True) if trouble == "hang" else Reply(500)
        url = f"http://127.0.0.1:{free_port()}" if trouble == "nobody" else receiver.url
        environment = {"SENTINELWEB_URL": url, "SENTINELWEB_KEY": "secret-key"}
        done = run("--", "sh", "-c", "echo done; exit 5", **environment)
        assert (done.returncode, done.stdout) == (5, b"done\n")
        assert done.stderr.count(b"sentinelweb:") == 1
        assert b"secret-key" not in done.stderr
        done = run("--ping", f"{url}/ping/secret", "--", "sh", "-c", "exit 5")
        assert done.returncode == 5
        assert b"/ping/secret" not in done.stderr


def test_huge_output_passes_through_and_its_end_is_kept(
    run: Callable[..., subprocess.CompletedProcess[bytes]], site: Site, registered: Registered
) -> None:
    script = "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo the end"
    done = run("--", "sh", "-c", script, **site.environment)
    assert len(done.stdout) == 20_000_009
    output = registered()[0].output
    assert output.endswith("x\nthe end\n")
    assert len(output) <= 10_000


def test_binary_output_passes_through_unchanged(
    run: Callable[..., subprocess.CompletedProcess[bytes]], site: Site, registered: Registered
) -> None:
    data = bytes(range(256)) * 4
    script = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {len(data) // 256})"
    done = run("--", sys.executable, "-c", script, **site.environment)
    assert done.stdout == data
    output = registered()[0].output
    assert "abc" in output
    assert "\0" not in output


def test_who_hears_no_output_does_not_stop_the_command(start: Start, tmp_path: Path) -> None:
    ending = tmp_path / "ended"
    process = start("--", "sh", "-c", f"sleep 1; seq 100000; touch {ending}")
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    process.wait(PATIENCE)
    assert ending.exists()


def test_a_wrapper_that_is_killed_leaves_silence_that_is_noticed(
    start: Start, site: Site, registered: Registered
) -> None:
    process = start("--expiry", "2", "--no-output", "--", "sleep", "3", **site.environment)
    waits_for(registered)
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    [row] = registered()
    assert (row.status, row.ended_at) == ("up", None)
    assert row.overdue_at


def test_a_child_that_holds_the_output_open_does_not_hold_us(
    run: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/pid; echo done"
    done = run("--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (0, b"done\n")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


class TestPing:
    def test_a_heartbeat_hears_of_start_end_and_output(
        self,
        run: Callable[..., subprocess.CompletedProcess[bytes]],
        site: Site,
        user: User,
        make_heartbeat: Callable[..., HeartbeatCheck],
    ) -> None:
        from sentinelweb.db import db
        from sentinelweb.models import Ping

        heartbeat = make_heartbeat(user, slug="nightly")
        done = run("--ping", f"{site.url}/ping/nightly", "--", "sh", "-c", "echo done; exit 3")
        assert (done.returncode, done.stderr) == (3, b"")
        db.session.rollback()
        db.session.expire_all()
        start, end = db.session.query(Ping).order_by(Ping.id).all()
        assert (start.kind, end.kind, end.exit_status) == ("start", "fail", 3)
        assert start.rid == end.rid
        assert end.rid
        assert end.body == b"done\n"
        assert heartbeat.status == "down"

    def test_the_start_comes_before_the_end(
        self, run: Callable[..., subprocess.CompletedProcess[bytes]]
    ) -> None:
        with Receiver() as receiver:
            receiver.answer_with(Reply(delay=1))
            run("--ping", f"{receiver.url}/ping/x/", "--", "true")
            paths = [call.path.partition("?")[0].rpartition("/")[2] for call in receiver.calls]
        assert paths == ["start", "0"]
