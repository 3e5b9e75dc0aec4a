"""Pings that no parser takes: what makes them unreadable is dropped, and the ping is not.

A shell sends the query as it was typed, a script may end its lines with LF alone, and a proxy may
put in what it likes. None of it says that the job is not alive. For pages the strict rules stay:
what two parties read differently is how requests are smuggled (RFC 9112, 11.2).
"""

from __future__ import annotations

import re

from sentinelweb.core.signals import PREFIX, TOKENED_PREFIX

_PING = re.compile(
    rb"(GET|HEAD|POST) (%s|%s)" % (re.escape(PREFIX.encode()), re.escape(TOKENED_PREFIX.encode()))
)
_REQUEST_LINE = re.compile(rb"([A-Z]+) +(.+?) +(HTTP/1\.[01])", re.DOTALL)
_HEADER = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z_-]+:[^\r]*")
_END = re.compile(rb"\r?\n\r?\n")
_NOT_IN_TARGET = re.compile(rb"[^\x21-\x7e]")


def is_ping(head: bytes) -> bool:
    return _PING.match(head) is not None


def split(received: bytes) -> tuple[bytes, bytes] | None:
    """The head of a request and what follows it; None while the head is not complete."""
    end = _END.search(received)
    return (received[: end.start()], received[end.end() :]) if end else None


def mend(head: bytes) -> bytes | None:
    """`head` as RFC 9112 has it, without the lines that are no headers; None if it is hopeless.

    The connection has to end with this request: a header that told of a body may be among those
    lines, and then the body is not read.
    """
    first, *others = re.split(rb"\r?\n", head)
    request = _REQUEST_LINE.fullmatch(first)
    if request is None:
        return None
    method, target, version = request.groups()
    target = _NOT_IN_TARGET.sub(lambda byte: b"%%%02X" % byte[0][0], target)
    lines = [line for line in others if _HEADER.fullmatch(line)]
    return b"\r\n".join([b"%s %s %s" % (method, target, version), *lines, b"", b""])
