"""Which tests run in one process, one after the other: those that share what is costly to start.

By their addresses, because `--dist=loadgroup` of pytest-xdist 3.8 does not group with pytest 9.2:
https://github.com/pytest-dev/pytest-xdist/issues/1386.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# A browser, or a month of a demonstration's history.
_TOGETHER = ("tests/browser/", "tests/tools/test_demo.py::TestTheHistory")

# They watch the clock: two at once are enough for a machine with four cores.
_TWO_AT_ONCE = "tests/integration/"


class Scheduling(LoadScopeScheduling):
    """Each test by itself, except for the above; the largest groups begin."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self._stacks: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_TOGETHER):
            return nodeid.partition("::")[0]
        if nodeid.startswith(_TWO_AT_ONCE):
            return self._stacks.setdefault(nodeid, f"stack-{len(self._stacks) % 2}")
        return nodeid
