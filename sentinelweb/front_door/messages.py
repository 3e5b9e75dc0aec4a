"""HTTP/1.1 requests as they arrived, and short answers as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

Header = tuple[bytes, bytes]


@dataclass(slots=True)
class Request:
    """The head of a request. `keep_alive` is whether another may follow it."""

    method: str
    target: bytes
    version: str
    headers: list[Header]
    keep_alive: bool

    def header(self, name: bytes) -> bytes:
        """The first value of `name`, which is in lower case; empty if there is none."""
        for other, value in self.headers:
            if other.lower() == name:
                return value
        return b""

    @property
    def expects_continue(self) -> bool:
        return self.header(b"expect").lower() == b"100-continue"


# Stands for a request that cannot be read, or not in time.
UNREADABLE = Request(method="", target=b"", version="1.1", headers=[], keep_alive=False)


_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def header_lines(headers: Iterable[Header]) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)


def answer(request: Request, status: int, body: bytes, headers: bytes, date: bytes) -> bytes:
    """A whole answer, without its body for HEAD; `headers` are lines."""
    return b"%sDate: %s\r\nContent-Length: %d\r\n%s%s%s" % (
        _STATUS_LINES[status],
        date,
        len(body),
        headers,
        b"\r\n" if request.keep_alive else b"Connection: close\r\n\r\n",
        b"" if request.method == "HEAD" else body,
    )
