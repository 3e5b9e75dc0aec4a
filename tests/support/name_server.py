"""A name server on 127.0.0.1, over UDP.

    with NameServer({("example.com.", "A"): ["192.0.2.1"]}) as server:
        ... something asks server.address ...

A name that is not there does not exist; `codes` answers for a name with an error instead, and a
name in `silent` is not answered for.
"""

from __future__ import annotations

import socket
import threading
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = dict[tuple[str, str], list[str]]


class NameServer:
    def __init__(self, records: Records) -> None:
        self.records = records
        self.codes: dict[str, dns.rcode.Rcode] = {}
        self.silent: set[str] = set()
        self.garbage: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, sender = self._socket.recvfrom(2_048)
            if not wire:
                return
            answer = self._answer(wire)
            if answer is not None:
                self._socket.sendto(answer, sender)

    def _answer(self, wire: bytes) -> bytes | None:
        question = dns.message.from_wire(wire)
        asked = question.question[0]
        name, kind = asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)
        if name in self.silent:
            return None
        if name in self.garbage:
            return wire[:2] + b"\xff" * 40
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        if name in self.codes:
            answer.set_rcode(self.codes[name])
        elif (name, kind) in self.records:
            texts = self.records[name, kind]
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *texts))
        elif not any(name == known for known, _kind in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()
