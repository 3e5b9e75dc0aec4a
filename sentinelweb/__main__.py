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
    chosen, rest = parser.parse_known_args(argv)
    return _command(chosen.command)(rest)


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """Imported when asked for: neither needs the other's packages."""
    if name == "agent":
        from sentinelweb.agent import main as agent

        return agent
    from sentinelweb.mock import main as mock

    return mock


if __name__ == "__main__":
    sys.exit(main())
