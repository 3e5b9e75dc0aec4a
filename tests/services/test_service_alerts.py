"""From what a probe found to what a receiver is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from config import Settings
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Service, User, monitor_channels
from sentinelweb.services import delivery, environment, probing
from sentinelweb.services.probing import Found
from tests.conftest import Clock
from tests.support.factories import make_service
from tests.support.receiver import Receiver

HEALTHY = ProbeResult(Result.HEALTHY, latency_ms=34.56, status_code=200)
BROKEN = ProbeResult(Result.ERROR, latency_ms=3.0, status_code=500, reason="HTTP 500")
SLOW = ProbeResult(Result.TIMEOUT, reason="Timeout")
UNKNOWN = ProbeResult(Result.UNKNOWN, reason="Docker not reachable")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Probed:
    """A service that is looked at every ten seconds."""

    def __init__(self, service_id: int, settings: Settings, clock: Clock) -> None:
        self._id, self._settings, self._clock = service_id, settings, clock

    def is_found(self, *results: ProbeResult) -> None:
        for result in results:
            now = self._clock.advance(seconds=10)
            probing.record([Found(self._id, result, now)])
            delivery.run(self._settings)


@pytest.fixture
def probed(
    user: User,
    receiver: Receiver,
    make_channel: Callable[..., Channel],
    settings: Settings,
    clock: Clock,
) -> Probed:
    channel = make_channel(user, settings={"url": receiver.url, "method": "POST"})
    target = "https://user:hidden@shop.example.com/health?key=hidden"
    service = make_service(user, name="Shop", target=target, last_check_at=clock.now)
    with writing() as session:
        row = {"monitor_id": service.id, "channel_id": channel.id}
        session.execute(sa.insert(monitor_channels), [row])
    return Probed(service.id, settings, clock)


def test_after_the_threshold_people_are_told_why_and_then_that_it_is_back(
    probed: Probed, receiver: Receiver
) -> None:
    probed.is_found(SLOW, BROKEN, UNKNOWN, SLOW)
    assert receiver.calls == []
    probed.is_found(BROKEN, BROKEN)

    (down,) = [call.json for call in receiver.calls]
    assert (down["event"], down["reason"], down["status_code"]) == ("down", "HTTP 500", 500)
    assert down["failures"] == 4
    assert "🚨 SERVICE DOWN" in down["text"]

    probed.is_found(HEALTHY)
    up = receiver.calls[-1].json
    assert (up["event"], up["latency_ms"], up["down_for"]) == ("up", 34.56, 20)
    assert "⚡ Latency: 34.6 ms" in up["text"]
    assert len(receiver.calls) == 2


def test_no_message_holds_what_is_secret_in_an_address(probed: Probed, receiver: Receiver) -> None:
    probed.is_found(*[BROKEN] * 4, HEALTHY)
    bodies = b"".join(call.body for call in receiver.calls)
    assert b"https://shop.example.com/health" in bodies
    assert b"hidden" not in bodies


@pytest.mark.settings(flapping_changes=2, status_change_threshold=1)
def test_a_service_that_flaps_is_told_of_once_as_a_service(
    probed: Probed, receiver: Receiver, settings: Settings, clock: Clock
) -> None:
    probed.is_found(*[BROKEN, HEALTHY] * 4)
    assert [call.json["event"] for call in receiver.calls] == ["down", "up", "flapping"]
    assert receiver.calls[-1].json["text"].startswith("🔁 SERVICE FLAPPING")

    clock.advance(minutes=16)
    delivery.run(settings)
    calm = receiver.calls[-1].json
    assert calm["text"].startswith("🍃 SERVICE CALM AGAIN")
    assert (calm["status"], calm["result"], calm["reason"]) == ("up", None, None)
    assert calm["target"] == "https://shop.example.com/health"


@pytest.mark.settings(status_change_threshold=2, tz="America/Lima")
def test_the_environment_s_services_alert_its_n8n_webhook(
    settings: Settings, admin: User, receiver: Receiver, clock: Clock, app: object
) -> None:
    settings = settings.model_copy(update={"n8n_webhook_url": f"{receiver.url}/webhook"})
    environment.apply(settings, {"SERVICE_URL_shop": "https://shop.example.com/health"})
    service_id = db.session.scalars(sa.select(Service.id)).one()

    Probed(service_id, settings, clock).is_found(SLOW, SLOW)

    (call,) = receiver.calls
    assert call.path == "/webhook"
    assert set(call.json) == {"title", "message"}
    assert call.json["title"] == "🚨 SERVICE DOWN"
    assert "❗ Reason: Timeout" in call.json["message"]
    assert "-05" in call.json["message"]
