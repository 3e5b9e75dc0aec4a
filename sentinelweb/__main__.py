"""`python -m sentinelweb`: what needs no server of its own. The server's commands are `flask`'s."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from sentinelweb import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Hand the rest of the line to a command; each has its own `--help`."""
    parser = argparse.ArgumentParser(prog="sentinelweb", description="Monitors of SentinelWeb.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser(
        "agent", add_help=False, help="look at services here and report to a SentinelWeb elsewhere"
    )
    commands.add_parser(
        "mock", add_help=False, help="serve targets to break and receivers of alerts, to try it out"
    )
    commands.add_parser("run", add_help=False, help="run a command, and let a SentinelWeb watch it")
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Not parse_known_args(): it would take what belongs to the command behind a “--”.
    chosen = parser.parse_args(arguments[:1])
    return _command(chosen.command)(arguments[1:])


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """Imported when asked for: none needs another's packages."""
    if name == "agent":
        from sentinelweb.agent import main as agent

        return agent
    if name == "run":
        from sentinelweb.client.command import main as run

        return run
    from sentinelweb.mock import main as mock

    return mock


if __name__ == "__main__":
    sys.exit(main())
