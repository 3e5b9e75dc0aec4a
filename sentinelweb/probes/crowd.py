"""Many looks at once, without the looks telling on each other.

One process looks at hundreds of services a second. If it began with all of them together, each
answer would wait for its turn to be read, and that wait would be reported as the service's latency.
So a look begins only when the event loop is keeping up.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Hashable, Iterable
from typing import TYPE_CHECKING

import structlog

from sentinelweb import probes
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.probes import reasons
from sentinelweb.probes.base import Target

if TYPE_CHECKING:
    from sentinelweb.outbound.network import Network

# A turn of the event loop longer than this has kept answers waiting.
BUSY_SECONDS = 0.005
MOST_TURNS = 100  # that a look waits for a quick one
# A kept connection may turn out to be dead, which costs a look its time once more.
CUT_OFF_TIMES = 2
CUT_OFF_SECONDS = 1.0
PULSE_SECONDS = 0.05

log = structlog.get_logger(__name__)

Item = tuple[Hashable, str, Target]
_Results = asyncio.Queue[tuple[Hashable, ProbeResult] | None]


async def look_at(
    items: Iterable[Item], network: Network
) -> AsyncIterator[tuple[Hashable, ProbeResult]]:
    """Look at each of `items`: a key, the kind of its probe, the target. Yield what is found.

    Every item gets a result, and no exception of a look leaves: what we got wrong is `unknown`. Any
    number of these may run in one event loop; the network bounds how many looks are under way.
    """
    results: _Results = asyncio.Queue()
    pulse = _Pulse()
    beating = asyncio.create_task(pulse.beat())
    starting = asyncio.create_task(_start(items, network, results, pulse))
    try:
        while (found := await results.get()) is not None:
            yield found
        await starting
    finally:
        beating.cancel()
        starting.cancel()
        await asyncio.wait((beating, starting))


async def _start(items: Iterable[Item], network: Network, results: _Results, pulse: _Pulse) -> None:
    async def look(key: Hashable, kind: str, target: Target) -> None:
        results.put_nowait((key, await _look(kind, target, network, pulse)))

    def leave(_look: object) -> None:
        network.places.release()

    try:
        async with asyncio.TaskGroup() as looks:
            for item in items:
                async with network.turn:
                    await _until_quick()
                    await network.places.acquire()
                # By a callback: a task that is cancelled before it begins runs none of its lines.
                looks.create_task(look(*item)).add_done_callback(leave)
    finally:
        results.put_nowait(None)


async def _until_quick() -> None:
    """Wait until the event loop turns quickly, but not for ever."""
    for _turn in range(MOST_TURNS):
        began = time.perf_counter()
        await asyncio.sleep(0)
        if time.perf_counter() - began < BUSY_SECONDS:
            return


class _Pulse:
    """How many seconds the event loop, or the whole machine, has stood still."""

    def __init__(self) -> None:
        self.lost = 0.0

    async def beat(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(PULSE_SECONDS)
            self.lost += time.monotonic() - began - PULSE_SECONDS


async def _look(kind: str, target: Target, network: Network, pulse: _Pulse) -> ProbeResult:
    """One look that always ends in a result, and in time."""
    lost = pulse.lost
    try:
        async with asyncio.timeout(target.timeout * CUT_OFF_TIMES + CUT_OFF_SECONDS):
            found = await probes.registered()[kind].check(target, network)
    except TimeoutError:
        log.warning("probe_cut_off", kind=kind)
        return ProbeResult(Result.UNKNOWN, reason=reasons.CUT_OFF)
    except (Exception, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
            raise  # we are being stopped; otherwise the probe lost its own task to a library
        # Where it happened, and not its message: that may spell out the target with its secrets.
        where = "".join(traceback.format_tb(error.__traceback__))
        log.warning("probe_failed", kind=kind, error=type(error).__name__, where=where)
        return ProbeResult(Result.UNKNOWN, reason=reasons.INTERNAL_ERROR)
    if found.result is Result.TIMEOUT and pulse.lost - lost > target.timeout / 2:
        # The answer may have been there; it was us who did not come to read it.
        return ProbeResult(Result.UNKNOWN, reason=reasons.BUSY)
    return found
