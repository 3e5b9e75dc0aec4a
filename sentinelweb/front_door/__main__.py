"""`python -m sentinelweb.front_door FD SOCKET`: serves the listening socket that is open as FD, and
asks gunicorn at the Unix socket SOCKET for pages. Started by runtime/web.py.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from config import load_settings_or_exit
from sentinelweb import logs
from sentinelweb.front_door.door import Door


async def _serve(descriptor: int, pages_socket: str) -> None:
    settings = load_settings_or_exit()
    logs.configure(settings)
    await Door(settings, pages_socket).serve(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
