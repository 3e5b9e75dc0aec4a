"""`sentinelweb run`: wraps a command that is to be watched."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import urlsplit

from sentinelweb.client.calls import Caller, complain
from sentinelweb.client.child import Child, exit_as
from sentinelweb.client.watch import END_WITHIN, KEY_VARIABLE, URL_VARIABLE, Watch

USAGE = 64  # sysexits.h: EX_USAGE


def main(argv: Sequence[str]) -> int:
    """Run the command after `--`, and end as it did."""
    options, command = _read(list(argv))
    child = Child(command, captures=not options.no_output)
    status = _run_pinged(child, options.ping) if options.ping else _run_watched(child, options)
    sys.stdout.flush()
    return exit_as(status)


def _run_watched(child: Child, options: argparse.Namespace) -> int:
    watch = Watch(
        options.name,
        url=options.url,
        key=options.key,
        tags=options.tag,
        expiry=options.expiry,
        keep_alive=not options.short_lived,
    ).start()
    began_at = time.monotonic()
    status = child.run()
    watch.tell(message=f"Ran for {time.monotonic() - began_at:.1f} s")
    watch.end(_reported(status), child.tail.text())
    return status


def _run_pinged(child: Child, url: str) -> int:
    """Tell a heartbeat of the start and the end of a run, with its output (seed 000's pings)."""
    caller, base, run_id = Caller(), url.rstrip("/"), str(uuid.uuid4())
    starting = threading.Thread(
        target=caller.call, args=("POST", f"{base}/start?rid={run_id}"), daemon=True
    )
    starting.start()
    status = child.run()
    until = time.monotonic() + END_WITHIN
    # Or the end may overtake the start, which would then be a run that never ends.
    starting.join(END_WITHIN / 2)
    caller.call(
        "POST",
        f"{base}/{_reported(status) % 256}?rid={run_id}",
        tries=3,
        until=until,
        data=child.tail.text().encode(),
    )
    return status


def _reported(status: int) -> int:
    """As a shell says it: 128 and the number of the signal that killed it."""
    return status if status >= 0 else 128 - status


def _read(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="sentinelweb run",
        description="Run a command, and let SentinelWeb watch it. It ends as the command does, and "
        "never makes it fail because SentinelWeb cannot be reached.",
        usage="sentinelweb run [--name NAME | --ping URL] [options] -- COMMAND …",
    )
    parser.add_argument("--name", default="", help="what it is called; the command by default")
    parser.add_argument("--ping", metavar="URL", default="", help="a heartbeat's ping URL")
    parser.add_argument("--url", default="", help=f"where SentinelWeb is; else ${URL_VARIABLE}")
    parser.add_argument(
        "--key", default="", help=f"an API key; better in ${KEY_VARIABLE}, where nobody sees it"
    )
    parser.add_argument("--tag", action="append", default=[], help="may be repeated")
    parser.add_argument(
        "--expiry", type=int, default=30, metavar="SECONDS", help="silence that means death (30)"
    )
    parser.add_argument(
        "--short-lived", action="store_true", help="its silence is no alarm, but its end"
    )
    parser.add_argument(
        "--no-output", action="store_true", help="leave its output alone: keep no last lines"
    )
    end = argv.index("--") if "--" in argv else len(argv)
    options, rest = parser.parse_known_args(argv[:end])
    command = [*rest, *argv[end + 1 :]]
    if not command or command[0].startswith("-"):
        _refuse(parser, "name a command, after “--”")
    if not 2 <= options.expiry <= 86_400:
        _refuse(parser, "--expiry is from 2 to 86400 seconds")
    if options.ping and urlsplit(options.ping).scheme not in {"http", "https"}:
        _refuse(parser, "--ping is a URL that begins with https:// or http://")
    options.name = options.name or PurePath(command[0]).name
    return options, command


def _refuse(parser: argparse.ArgumentParser, problem: str) -> None:
    parser.print_usage(sys.stderr)
    complain(problem)
    sys.exit(USAGE)


if os.name != "posix":  # signals and terminals are handled as POSIX has them
    raise ImportError("sentinelweb run needs a POSIX system")
