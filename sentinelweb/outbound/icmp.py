"""ICMP echo (RFC 792, RFC 4443), without privileges where the kernel grants it to everybody.

Linux does for the groups in `net.ipv4.ping_group_range`, and so do containers; elsewhere a raw
socket needs CAP_NET_RAW.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import struct
import time
from typing import TYPE_CHECKING

from sentinelweb.outbound.failures import NotPermittedError, from_os_error

if TYPE_CHECKING:
    from sentinelweb.outbound.network import Network

TRIES = 3  # within the time limit: a lost packet is no outage

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence


async def echo(network: Network, host: str, *, seconds: float) -> float:
    """Return how many seconds an echo of `host` took.

    Raise NetworkError, or TimeoutError when none came within `seconds`.
    """
    try:
        async with asyncio.timeout(seconds):
            address = (await network.addresses(host))[0]
            with _socket(network, address) as made:
                made.setblocking(False)
                # At once, and what comes from others is the kernel's to throw away.
                made.connect((address, 0))
                return await _exchange(made, seconds / TRIES)
    except OSError as error:
        raise from_os_error(error) from None


def _socket(network: Network, address: str) -> socket.socket:
    family, protocol = socket.AF_INET, socket.IPPROTO_ICMP
    if ":" in address:
        family, protocol = socket.AF_INET6, socket.IPPROTO_ICMPV6
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        with contextlib.suppress(PermissionError):
            return network.make_socket((family, kind, protocol, "", (address, 0)))
    raise NotPermittedError


async def _exchange(made: socket.socket, patience: float) -> float:
    loop = asyncio.get_running_loop()
    request, reply = (8, 0) if made.family == socket.AF_INET else (128, 129)
    # By it an answer is ours: a raw socket sees those to other programs too.
    token = secrets.token_bytes(16)
    sent: list[float] = []
    while True:
        sent.append(time.perf_counter())
        await loop.sock_sendall(made, _packet(request, len(sent), token))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while True:
                    packet = await loop.sock_recv(made, 2_048)
                    sequence = _sequence(made, packet, reply, token)
                    if 0 < sequence <= len(sent):
                        return time.perf_counter() - sent[sequence - 1]


def _packet(kind: int, sequence: int, token: bytes) -> bytes:
    identifier = int.from_bytes(token[:2], "big")
    bare = _HEADER.pack(kind, 0, 0, identifier, sequence) + token
    return _HEADER.pack(kind, 0, _checksum(bare), identifier, sequence) + token


def _checksum(data: bytes) -> int:
    """RFC 1071. The kernel makes its own for IPv6, which covers the addresses too."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _sequence(made: socket.socket, packet: bytes, reply: int, token: bytes) -> int:
    """Which of our requests `packet` answers; 0 for any other packet."""
    if made.family == socket.AF_INET and packet and packet[0] >> 4 == 4:
        packet = packet[
            (packet[0] & 0x0F) * 4 :
        ]  # behind the header of IP, which some sockets show
    if len(packet) < _HEADER.size or packet[_HEADER.size :] != token:
        return 0
    kind, sequence = packet[0], int.from_bytes(packet[6:8], "big")
    return sequence if kind == reply else 0
