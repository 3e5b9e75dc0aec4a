"""What the agent reports is what the server reads."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sentinelweb import __version__, clock
from sentinelweb.agent import cycle
from sentinelweb.agent.settings import read
from sentinelweb.core.host_reports import parse
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network
from tests.support.receiver import Receiver, Reply

EXPIRES_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "found",
    [
        ProbeResult(Result.HEALTHY, 12.25, 200, "", EXPIRES_AT),
        ProbeResult(Result.ERROR, 3.5, 503, "HTTP 503"),
        ProbeResult(Result.TIMEOUT, reason="Timeout"),
        ProbeResult(Result.DOWN, reason="Connection refused"),
        ProbeResult(Result.UNKNOWN, reason="Docker not reachable"),
    ],
)
def test_a_result_arrives_as_it_was_found(found: ProbeResult) -> None:
    body = {"services": {"api": cycle._as_json(found)}}
    assert parse(json.dumps(body).encode()).current.services["api"].found == found


def test_a_whole_cycle_is_understood(tmp_path: Path) -> None:
    with Receiver() as receiver:
        receiver.default = Reply(503)
        settings, _notes = read(
            {
                "HEARTBEAT_URL": "http://127.0.0.1:9/",
                "SECRET_KEY": "sw_key",
                "PING_URL": receiver.url,
                "DOCKER_HOST": f"unix://{tmp_path}/no-docker.sock",
                "SERVICE_TIMEOUT_SECONDS": "30",
                "SERVICE_NAMES": "Größe",
                "SERVICE_URL_Größe": receiver.url.replace("//", "//user:secret@")
                + "/?token=secret",
                "SERVICE_HEADERS_Größe": "X-Check:1",
            }
        )

        async def run() -> dict[str, object]:
            async with Network(Reach.ANYWHERE) as network:
                return await cycle.run(settings, network)

        report = asyncio.run(run())
        [look] = [call for call in receiver.calls if call.headers.get("X-Check") == "1"]
    assert look.headers["Authorization"].startswith("Basic ")
    body = json.dumps(report)
    assert "secret" not in body
    parsed = parse(body.encode())
    assert parsed.agent == __version__
    service = parsed.current.services["Größe"]
    assert (service.found.result, service.found.reason) == (Result.ERROR, "HTTP 503")
    assert service.target == receiver.url + "/"
    figures = parsed.current.figures
    assert (figures.internet_status, figures.container_count) == (True, None)
    assert figures.cpu_percent is not None
    assert figures.cycle_duration_ms is not None
    assert parsed.current.at is not None
    assert timedelta() <= clock.now() - parsed.current.at < timedelta(minutes=2)
