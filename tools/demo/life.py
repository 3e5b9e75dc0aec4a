"""`python -m tools.demo.life FILE`: what goes on around the demo while it runs.

FILE is the demo's own notes (see __main__.py). Jobs ping when they are due, the agent of a host
that is not there reports every few seconds, processes beat, begin and end: all by HTTP as real ones
would.
"""

from __future__ import annotations

import heapq
import json
import math
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests

from config import load_settings_or_exit
from sentinelweb.core.schedule import CronSchedule
from tools.demo.services import OF_AGENT

REPORT_EVERY = 20.0  # seconds
BEAT_EVERY = 10.0  # seconds
IMPORT_EVERY = 300.0  # seconds
WARM_EVERY = 240.0  # seconds
TIMEOUT = 10
JUST_MADE = 600.0  # seconds in which no job was missed by much
TARGETS: dict[str, dict[str, object]] = {
    "shop": {"latency_ms": 44, "jitter_ms": 12},
    "api": {"latency_ms": 21, "jitter_ms": 6},
    "website": {"latency_ms": 29, "jitter_ms": 8},
    "search": {"latency_ms": 230, "jitter_ms": 60},
    "mail": {"mode": "refused"},
}


class Life:
    """`tasks` are pairs of a time and what is to be done then, the next one first."""

    def __init__(self, notes: dict[str, Any]) -> None:
        self._notes = notes
        self._site = f"http://127.0.0.1:{load_settings_or_exit().port}"
        self._tasks: list[tuple[float, int, Callable[[], None]]] = []
        self._chances = random.Random()  # noqa: S311 - no secret

    def run(self) -> None:
        """Go on until a signal."""
        self._wait_for(f"{self._site}/health")
        self._wait_for(f"{self._notes['mock']}/api/state")
        self._set_the_stage()
        self._greet()
        self._report()
        for process in self._notes["processes"]:
            self._beat(process)
        self._import()
        self._warm()
        was_away = time.time() - self._notes["made_at"] > JUST_MADE
        for job in self._notes["jobs"]:
            if was_away or not job["cron"]:
                self._ping(job)
            else:
                self._later(_next_run(job), partial(self._ping, job))
        while True:
            at, _number, task = heapq.heappop(self._tasks)
            time.sleep(max(0.0, at - time.time()))
            task()

    def _later(self, at: float, task: Callable[[], None]) -> None:
        heapq.heappush(self._tasks, (at, self._chances.getrandbits(32), task))

    def _wait_for(self, url: str) -> None:
        while True:
            with suppress(requests.RequestException):
                if requests.get(url, timeout=TIMEOUT).ok:
                    return
            time.sleep(0.2)

    def _set_the_stage(self) -> None:
        """The mock controller forgets at each start what the history says of its targets."""
        for name, values in TARGETS.items():
            self._call("POST", f"{self._notes['mock']}/target/{name}/mode", json=values)

    def _greet(self) -> None:
        lines = (
            f"The demo:         {self._site}",
            f"Log in as:        {self._notes['email']}",
            f"with password:    {self._notes['password']}",
            f"Break something:  {self._notes['mock']}",
        )
        print("\n".join(lines), flush=True)

    def _ping(self, job: dict[str, Any]) -> None:
        """One run of a job, and when the next will be."""
        url = f"{self._site}/ping/{job['slug']}"
        if job["minutes"]:
            self._call("GET", f"{url}/start")
            self._later(time.time() + self._chances.uniform(5, 20), partial(self._call, "GET", url))
        else:
            self._call("GET", url)
        self._later(_next_run(job), partial(self._ping, job))

    def _report(self) -> None:
        services = {
            story.name: {
                "status": "healthy",
                "latency_ms": round(story.latency_ms * self._chances.lognormvariate(0, 0.14), 2),
                "target": story.target,
            }
            for story in OF_AGENT
        }
        load = 31 * (1 + 0.4 * math.sin(time.time() / 600)) * self._chances.lognormvariate(0, 0.1)
        host = {
            "cpu_percent": round(min(100, load), 1),
            "ram_percent": 61.5,
            "ram_used_mb": 9_717,
            "disk_percent": 67.1,
            "uptime_seconds": round(time.monotonic()) + 3_000_000,
            "container_count": 8,
            "internet_status": True,
            "ping_ms": round(14 * self._chances.lognormvariate(0, 0.2), 1),
            "cycle_duration_ms": self._chances.randint(45, 140),
        }
        self._call(
            "POST",
            f"{self._site}/api/heartbeat",
            json={"agent": "sentinelweb/0.1.0", "services": services, "host": host},
            headers={"Authorization": f"Bearer {self._notes['agent_key']}"},
        )
        self._later(time.time() + REPORT_EVERY, self._report)

    def _beat(self, process: dict[str, Any]) -> None:
        """A process that runs for days tells what it is at."""
        self._tell(process["id"], message=self._chances.choice(process["steps"]))
        self._later(time.time() + BEAT_EVERY, partial(self._beat, process))

    def _import(self) -> None:
        """A short-lived process that tells how far it is, and how it ended."""
        rows = self._chances.randint(11_000, 14_000)
        process_id = self._register("Price list import", ["import"])
        if process_id:
            self._later(time.time() + BEAT_EVERY, partial(self._go_on, process_id, 0, rows))
        self._later(time.time() + IMPORT_EVERY, self._import)

    def _go_on(self, process_id: str, done: int, rows: int) -> None:
        done = min(rows, done + self._chances.randint(600, 1_100))
        if done < rows:
            message = f"Row {done} of {rows}"
            self._tell(process_id, progress=round(100 * done / rows, 1), message=message)
            self._later(time.time() + BEAT_EVERY, partial(self._go_on, process_id, done, rows))
        else:
            self._tell(process_id, progress=100, message="Done")
            ending = {"exitStatus": 0, "output": f"{rows} rows read\n"}
            self._call("DELETE", f"{self._site}/heartbeat/{process_id}", json=ending, **self._key)

    def _warm(self) -> None:
        """A short-lived process that is heard of once more, and then never again."""
        process_id = self._register("Cache warmer", ["web"])
        if process_id:
            message = "Fetches the front page"
            self._later(time.time() + 15, partial(self._tell, process_id, message=message))
        self._later(time.time() + WARM_EVERY, self._warm)

    def _register(self, name: str, tags: list[str]) -> str | None:
        """The id of a new short-lived process."""
        process = {"name": name, "tags": tags, "environment": "production", "host": "web-2"}
        process |= {"pid": self._chances.randint(3_000, 30_000)}
        answer = self._call("POST", f"{self._site}/process/short-lived", json=process, **self._key)
        return str(answer.json()["processId"]) if answer is not None and answer.ok else None

    def _tell(self, process_id: str, **details: Any) -> None:
        url = f"{self._site}/heartbeat/{process_id}/register"
        self._call("POST", url, json=details, **self._key)

    @property
    def _key(self) -> dict[str, Any]:
        return {"headers": {"Authorization": f"Bearer {self._notes['api_key']}"}}

    def _call(self, method: str, url: str, **options: Any) -> requests.Response | None:
        """Whatever goes wrong is SentinelWeb's to tell: that is what it is for."""
        with suppress(requests.RequestException):
            return requests.request(method, url, timeout=TIMEOUT, **options)
        return None


def _next_run(job: dict[str, Any]) -> float:
    if job["cron"]:
        return CronSchedule(job["cron"], "UTC", 0).upcoming(datetime.now(UTC), 1)[0].timestamp()
    return time.time() + float(job["period"])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        Life(json.loads(Path(sys.argv[1]).read_text("utf-8"))).run()
