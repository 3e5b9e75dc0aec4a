"""A server of everything that `bench_probes` looks at: quick, or silent.

`python -m benchmarks.targets PORT` answers at every address of this machine, 127.1.2.3 as well as
127.0.0.1, so that each service can have a host of its own. What is asked for `/silent` is never
answered.
"""

from __future__ import annotations

import asyncio
import gc
import sys

SILENT = "/silent"

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class _Connection(asyncio.Protocol):
    """Requests without bodies, one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            if not request.split(b" ", 2)[1].startswith(SILENT.encode()):
                self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(
        _Connection, "0.0.0.0", port, backlog=4_096, reuse_port=True
    )
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
