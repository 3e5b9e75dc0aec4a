"""`python -m sentinelweb mock`: serves until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

from aiohttp import web

from sentinelweb.mock.controller import MAX_TARGETS, Controller
from sentinelweb.mock.ports import make_runner
from sentinelweb.mock.site import Site
from sentinelweb.mock.values import InvalidValueError

PORT = 8099  # seed 004's


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        asyncio.run(_serve(arguments.host, arguments.port, arguments.targets))
    except (InvalidValueError, OSError) as error:
        print(f"The mock controller cannot start: {error}", file=sys.stderr)  # noqa: T201 - for people
        return 1
    return 0


async def _serve(host: str, port: int, count: int) -> None:
    """Serve until a signal ends it."""
    controller = Controller()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = make_runner(Site(controller).app())
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        async with controller.own_ports(host, port and site.port + 1, count):
            _announce(controller, host, site.port)
            await stopped.wait()
    finally:
        await runner.cleanup()


def _announce(controller: Controller, host: str, port: int) -> None:
    address = f"[{host}]" if ":" in host else host
    url = f"http://{address}:{port}"
    lines = [f"Mock controller: {url} (Ctrl-C stops it)"]
    lines += [
        f"  target {name}: {url}/target/{name} and http://{address}:{target.port.number}"
        for name, target in controller.targets.items()
    ]
    lines += [f"  {item.name}: {url}{item.path}" for item in controller.receivers.values()]
    print("\n".join(lines), flush=True)  # noqa: T201 - for people


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sentinelweb mock",
        description="Serve targets that can be told to be slow, broken or gone, and receivers of "
        "heartbeats and alerts, with a page to switch them.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port",
        type=_whole_number(0, 65_535 - MAX_TARGETS),
        default=PORT,
        help="the port of the page; each target has one of the next ports too (%(default)s)",
    )
    parser.add_argument(
        "--targets",
        type=_whole_number(1, MAX_TARGETS),
        default=5,
        help=f"how many targets there are, up to {MAX_TARGETS} (%(default)s)",
    )
    return parser


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    """What reads a whole number within bounds, for argparse."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}")
        return number

    return read
