"""The addresses of host names, as this machine's own resolver knows them."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sentinelweb.outbound.failures import HostNotFoundError

REMEMBERED_SECONDS = 5.0
# The system's resolver knows no time limit and occupies a thread while it waits. A name is asked
# for by one thread at most, so that this many names may hang before others have to wait.
THREADS = 128
MOST_NAMES = 20_000


@dataclass(slots=True)
class _Entry:
    answer: asyncio.Future[tuple[str, ...]]
    until: float = math.inf


class Names:
    """Looks names up by `getaddrinfo`; all who ask for a name at once share one question.

    Belongs to one event loop. Close it at the end.
    """

    def __init__(self, *, ipv4_only: bool) -> None:
        self._family = socket.AF_INET if ipv4_only else socket.AF_UNSPEC
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="names")
        self._entries: dict[str, _Entry] = {}

    def close(self) -> None:
        for entry in self._entries.values():
            entry.answer.cancel()  # or its thread would look for an event loop that is gone
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses of `host`, IPv4 first, as hosts without an IPv6 route are many.

        Raise HostNotFoundError. An IP address is its own, also an IPv6 one where names are looked
        up for IPv4 alone.
        """
        if _is_address(host):
            return (host,)
        entry = self._entries.get(host)
        if entry is None or entry.until <= asyncio.get_running_loop().time():
            entry = self._ask(host)
        # Shielded: one who loses patience must not take the answer from the others.
        answer = entry.answer
        found = answer.result() if answer.done() else await asyncio.shield(answer)
        if not found:
            raise HostNotFoundError
        return found

    def _ask(self, host: str) -> _Entry:
        loop = asyncio.get_running_loop()
        if len(self._entries) >= MOST_NAMES:
            now = loop.time()
            self._entries = {
                name: entry for name, entry in self._entries.items() if entry.until > now
            }
        entry = _Entry(loop.run_in_executor(self._threads, _look_up, host, self._family))
        self._entries[host] = entry

        def remember(_answer: object) -> None:
            entry.until = loop.time() + REMEMBERED_SECONDS

        entry.answer.add_done_callback(remember)
        return entry


def _look_up(host: str, family: int) -> tuple[str, ...]:
    try:
        infos = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
    except (OSError, ValueError):  # ValueError: a label that is too long
        return ()
    infos.sort(key=lambda info: info[0] != socket.AF_INET)
    return tuple(dict.fromkeys(str(info[4][0]) for info in infos))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
