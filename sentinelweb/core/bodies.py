"""The body of a ping as a page can show it: as text if it is one, else as a dump."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

DUMPED = 4_096  # bytes
_ROW = 16

# Colours and movements of a terminal's cursor, which tools print even where there is no terminal.
_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_NONCHARACTERS = "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
# What HTML forbids, or shows as nothing.
_UNPRINTABLE = re.compile(rf"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef{_NONCHARACTERS}]")
_REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class ShownBody:
    """`text` is the body or, with `is_dump`, its bytes in rows; `shown` says of how many."""

    text: str
    is_dump: bool
    shown: int


def show(body: bytes, *, is_cut: bool) -> ShownBody:
    """What a page shows of `body`, which may be the beginning of a longer one.

    A text in another encoding is shown with the replacement character where it is not UTF-8. What
    is replaced in more than one character of ten is no text.
    """
    # The end of what was cut may be half a character.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = _UNPRINTABLE.sub(_REPLACED, _TERMINAL.sub("", decoder.decode(body, final=not is_cut)))
    if text.count(_REPLACED) * 10 <= len(text):
        return ShownBody(text, False, len(body))
    beginning = body[:DUMPED]
    return ShownBody(_dump(beginning), True, len(beginning))


def _dump(body: bytes) -> str:
    """Rows as hexdump prints them: the offset, the bytes, and those that are ASCII."""
    rows = []
    for offset in range(0, len(body), _ROW):
        row = body[offset : offset + _ROW]
        ascii_ = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{offset:08x}  {row.hex(' '):<{_ROW * 3 - 1}}  {ascii_}")
    return "\n".join(rows)
