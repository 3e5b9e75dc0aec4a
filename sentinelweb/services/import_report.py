"""What becomes of the entries of a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy.orm import Session


class Became(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    PRESENT = "present"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of the entry at `place`; `text` is a sentence without secrets, or empty."""

    place: str
    name: str
    became: Became
    text: str = ""


@dataclass
class Report:
    """What became of every entry, or would become of it.

    `position` is how many of `total` entries are dealt with. A subclass that keeps it somewhere
    lets an import that was cut short go on behind them.
    """

    position: int = 0
    total: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def counted(self) -> dict[Became, int]:
        found = Counter(line.became for line in self.lines)
        return {became: found[became] for became in Became}

    def add(self, lines: Sequence[Line]) -> None:
        """Tell of the next entries, each of which has a line."""
        self.lines += lines
        self.position += len(lines)

    def pass_over(self) -> None:
        """Go on behind an entry that nothing is to be told of."""
        self.position += 1

    def save(self, session: Session) -> None:
        """Keep what was told, in the transaction that makes it true."""

    def tick(self) -> None:
        """To be called often, outside of transactions: shows how far it is."""
