"""`sentinelweb agent`: cycles on the clock until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import structlog
from dotenv import dotenv_values

from sentinelweb import __version__, clock
from sentinelweb.agent import cycle
from sentinelweb.agent.sending import Sender
from sentinelweb.agent.settings import AgentSettings, SettingsError, read
from sentinelweb.agent.spool import Spool, Waiting
from sentinelweb.hosts import sampling
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network

# In seconds.
FIRST_LOOK = 0.5  # for which the processor's load is measured before a single cycle
STOP_GRACE = 2.0  # for what is being sent

log = structlog.get_logger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        settings, notes = read(_environment(arguments.env_file))
        spool = Spool(settings.spool)
    except SettingsError as error:
        return _cannot_start(error.problems)
    except (OSError, sqlite3.Error) as error:
        return _cannot_start([f"the reports cannot be kept in DATA_DIR: {error}"])
    for note in notes:
        log.info("note", text=note)
    agent = Agent(settings, spool)
    return asyncio.run(agent.run_once() if arguments.once else agent.run())


class Agent:
    """Cycles in an event loop; what they find is sent by a thread, so that no server delays one."""

    def __init__(self, settings: AgentSettings, spool: Spool) -> None:
        self._settings = settings
        self._spool = spool
        self._sender = Sender(settings, spool)
        self._found: SimpleQueue[Waiting | None] = SimpleQueue()
        self._stopped = asyncio.Event()

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT. What is not sent by then is sent by the next run."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopped.set)
        log.info(
            "agent_started",
            version=__version__,
            services=len(self._settings.services),
            interval=self._settings.interval,
            waiting=len(self._spool),
        )
        sampling.sample()  # the processor's load is measured from here on
        sending = threading.Thread(target=self._send_for_ever, name="sending", daemon=True)
        sending.start()
        async with self._network() as network:
            while await self._next_instant():
                running = asyncio.create_task(self._cycle(network))
                await self._or_stopped(running)
        self._sender.stop()
        self._found.put(None)
        sending.join(STOP_GRACE)
        if not sending.is_alive():
            self._spool.close()
        log.info("agent_stopped")
        return 0

    async def run_once(self) -> int:
        """Run a single cycle; return 0 if its report arrived."""
        sampling.sample()
        await asyncio.sleep(FIRST_LOOK)
        async with self._network() as network:
            report = self._keep(await cycle.run(self._settings, network))
        arrived = self._sender.send(report)
        self._spool.close()
        return 0 if arrived else 1

    def _network(self) -> Network:
        """Whoever writes the environment of this machine may look wherever it can."""
        return Network(
            Reach.ANYWHERE,
            ipv4_only=self._settings.ipv4_only,
            override_ip=self._settings.override_ip,
            docker_host=self._settings.docker_host,
        )

    async def _next_instant(self) -> bool:
        """Wait for the next multiple of the interval; return whether there is to be a cycle.

        One that took longer than the interval leaves out those that it has overrun.
        """
        interval = self._settings.interval
        now = clock.now().timestamp()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), interval - now % interval)
        return not self._stopped.is_set()

    async def _or_stopped(self, running: asyncio.Task[None]) -> None:
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
        for task in (running, stopped):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    async def _cycle(self, network: Network) -> None:
        try:
            report = await cycle.run(self._settings, network)
        except Exception:  # a fault of our own must not end the reports of a machine
            log.exception("cycle_failed")
            return
        self._found.put(self._keep(report))

    def _keep(self, report: dict[str, Any]) -> Waiting:
        """Store a report before it is sent; on a full disk it is sent all the same."""
        try:
            return Waiting(self._spool.keep(report), report)
        except sqlite3.Error as error:
            log.warning("report_not_kept", error=str(error))
            return Waiting(0, report)

    def _send_for_ever(self) -> None:
        while (current := self._found.get()) is not None:
            while not self._found.empty():  # while the last ones were sent, others were found
                newer = self._found.get()
                if newer is None:
                    return
                current = newer
            try:
                self._sender.send(current)
            except sqlite3.Error as error:
                log.warning("spool_fails", error=str(error))


def _environment(path: Path | None) -> dict[str, str]:
    """The environment, and below it the file that was named. No other file is read."""
    if path is None:
        return dict(os.environ)
    if not path.is_file():
        raise SettingsError([f"there is no file {path}"])
    from_file = dotenv_values(path)
    return {name: value for name, value in from_file.items() if value} | dict(os.environ)


def _cannot_start(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"The agent cannot start: {problem}", file=sys.stderr)  # noqa: T201 - for people
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sentinelweb agent",
        description="Runs cycles on this machine, and reports them to a SentinelWeb elsewhere. "
        "The environment says what: HEARTBEAT_URL, HEARTBEAT_SECRET_KEY or SECRET_KEY, and a "
        "SERVICE_URL_<name> for each service.",
    )
    parser.add_argument(
        "--env-file", type=Path, metavar="FILE", help="variables for those that are not set"
    )
    parser.add_argument("--once", action="store_true", help="run a single cycle, report it and end")
    return parser
