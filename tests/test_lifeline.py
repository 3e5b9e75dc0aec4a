"""What is tied to its parent ends with it, however that ended."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

from sentinelweb import lifeline
from tests.support.stack import clean_environment, ended

PARENT = """
import subprocess, sys, time
from sentinelweb import lifeline
child = subprocess.Popen(lifeline.command(["sleep", "60"]))
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_command_ends_when_its_parent_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env=clean_environment()
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        time.sleep(0.2)
        assert child.is_running()
        parent.kill()
        assert not ended([child], within=5)


def test_a_command_does_not_start_when_its_parent_has_ended_already():
    [python, *flags, _pid, echo, text] = lifeline.command(["echo", "started"])
    result = subprocess.run([python, *flags, "1", echo, text], capture_output=True, text=True)
    assert result.returncode == -9
    assert result.stdout == ""


def test_a_command_keeps_its_status_and_its_output():
    result = subprocess.run(
        lifeline.command(["sh", "-c", "echo out; exit 3"]), capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (3, "out\n")
