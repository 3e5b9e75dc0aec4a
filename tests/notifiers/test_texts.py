"""What is said of services, hosts and the relay (heartbeats: test_telegram.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinelweb.i18n import Reader, reading_as
from sentinelweb.notifiers import texts
from tests.support.messages import (
    make_digest,
    make_host_message,
    make_message,
    make_process_message,
    make_service_message,
)


def lines(message: object, **reader: str) -> list[str]:
    with reading_as(Reader(**reader)):
        return texts.text(message).splitlines()


class TestServices:
    def test_an_alert_says_why_and_when(self) -> None:
        assert lines(make_service_message(), timezone="America/Lima") == [
            "🚨 SERVICE DOWN",
            "",
            "⚠️ Service: Shop",
            "📋 Description: What customers see",
            "🌐 Address: https://shop.example.com/health",
            "❗ Reason: HTTP 500",
            "🔢 Failures in a row: 4",
            "📅 Happened at: Jan 8, 2026, 3:00:00\u202fAM -05",
            "",
            "💡 Action: Check that the service is running and can be reached!",
            "🔗 Details: https://sentinelweb.example.com/services/8",
        ]

    def test_a_recovery_says_how_quickly_it_answers(self) -> None:
        assert lines(make_service_message("up")) == [
            "✅ SERVICE RECOVERED",
            "",
            "⚠️ Service: Shop",
            "📋 Description: What customers see",
            "🌐 Address: https://shop.example.com/health",
            "⚡ Latency: 34.6 ms",
            "⏰ Back since: Jan 8, 2026, 8:00:00\u202fAM UTC",
            "🕐 Was down for: 2h 5m",
            "",
            "🔗 Details: https://sentinelweb.example.com/services/8",
        ]

    def test_what_is_not_known_is_left_out(self) -> None:
        text = lines(make_service_message("up", latency_ms=None, description=""))
        assert not [line for line in text if "Latency" in line or "Description" in line]

    @pytest.mark.parametrize("event", ["flapping", "calm"])
    def test_it_flaps_as_a_service(self, event: str) -> None:
        text = lines(make_service_message(event, status="up"))
        assert (
            text[0] == {"flapping": "🔁 SERVICE FLAPPING", "calm": "🍃 SERVICE CALM AGAIN"}[event]
        )
        assert "⚠️ Service: Shop" in text
        assert "📍 Status: Up" in text

    def test_a_long_description_is_cut_and_nothing_else(self) -> None:
        text = texts.text(make_service_message(description="x" * 10_000), 1_000)
        assert texts.length(text) == 1_000
        assert text.endswith("/services/8")


class TestHosts:
    def test_a_silent_host_says_since_when(self) -> None:
        assert lines(make_host_message()) == [
            "🚨 HOST SILENT",
            "",
            "⚠️ Host: web-1",
            "📋 Description: The machine in the cellar",
            "⏰ Last report: Jan 8, 2026, 7:58:00\u202fAM UTC",
            "🕐 Silent for: 2m",
            "📅 Happened at: Jan 8, 2026, 8:00:00\u202fAM UTC",
            "",
            "💡 Action: Check that the machine and its agent are running!",
            "🔗 Details: https://sentinelweb.example.com/hosts/9",
        ]

    def test_it_is_told_that_it_is_back(self) -> None:
        text = lines(make_host_message("up"))
        assert text[0] == "✅ HOST BACK"
        assert "🕐 Was down for: 2h 5m" in text

    def test_a_host_that_never_reported_is_told_too(self) -> None:
        text = lines(make_host_message(last_report=None, silent_for=None))
        assert "⏰ Last report: never" in text
        assert not [line for line in text if "Silent for" in line]

    def test_it_flaps_as_a_host(self) -> None:
        assert lines(make_host_message("flapping"))[0] == "🔁 HOST FLAPPING"
        assert lines(make_host_message("calm"))[0] == "🍃 HOST CALM AGAIN"


class TestRelay:
    @pytest.mark.parametrize(
        ("code", "title"),
        [
            (200, "✅ RELAY WORKS"),
            (220, "⚠️ RELAY BLIND"),
            (221, "⚠️ RELAY: RECOVERY NOT STORED"),
            (500, "🚨 RELAY FAILS"),
            (None, "🚨 RELAY NOT REACHED"),
            (401, "🚨 RELAY REFUSED"),
        ],
    )
    def test_each_code_has_its_meaning(self, code: int | None, title: str) -> None:
        text = lines(make_host_message("relay", code=code))
        assert text[0] == title
        assert f"🔢 Code: {'no answer' if code is None else code}, before: 200" in text

    def test_the_whole_text(self) -> None:
        assert lines(make_host_message("relay", code=None, description="")) == [
            "🚨 RELAY NOT REACHED",
            "",
            "⚠️ Host: web-1",
            "🔢 Code: no answer, before: 200",
            "💬 The receiver did not answer: a time limit, the network or the name.",
            "📅 Happened at: Jan 8, 2026, 8:00:00\u202fAM UTC",
            "🔗 Details: https://sentinelweb.example.com/hosts/9",
        ]


def test_a_digest_sums_up_every_kind() -> None:
    digest = make_digest(
        make_message(),
        make_service_message(),
        make_service_message("up"),
        make_host_message(),
        make_host_message("relay", code=None),
    )
    assert lines(digest)[2:] == [
        "🚨 Nightly backup: down, Jan 8, 2026, 8:00:00\u202fAM UTC",
        "🚨 Shop: down (HTTP 500), Jan 8, 2026, 8:00:00\u202fAM UTC",
        "✅ Shop: recovered, Jan 8, 2026, 8:00:00\u202fAM UTC",
        "🚨 web-1: down, Jan 8, 2026, 8:00:00\u202fAM UTC",
        "📡 web-1: relay no answer, Jan 8, 2026, 8:00:00\u202fAM UTC",
    ]


def test_a_fresh_alert_about_a_heartbeat_does_not_say_when() -> None:
    assert not [line for line in lines(make_message()) if "Happened at" in line]
    delayed = replace(make_message(), is_delayed=True)
    assert [line for line in lines(delayed) if "Happened at" in line]


class TestProcesses:
    def test_a_silent_process_says_what_it_told_last(self) -> None:
        assert lines(make_process_message()) == [
            "🚨 PROCESS SILENT",
            "",
            "⚠️ Process: Import",
            "⏰ Last heartbeat: Jan 8, 2026, 7:59:20\u202fAM UTC",
            "🕐 Silent for: 40s",
            "🖥️ Host: worker-1",
            "📈 Progress: 40 %",
            "💬 Last message: Row 4,000",
            "📅 Happened at: Jan 8, 2026, 8:00:00\u202fAM UTC",
            "",
            "🔗 Details: https://sentinelweb.example.com/processes/10",
        ]

    def test_one_that_told_nothing_says_nothing_of_it(self) -> None:
        text = lines(make_process_message(host="", progress=None, message=""))
        assert not [line for line in text if line.startswith(("🖥️", "📈", "💬"))]

    def test_a_failed_process_says_its_exit_status(self) -> None:
        text = lines(make_process_message(note="exit 3"))
        assert text[0] == "🚨 PROCESS FAILED"
        assert "❗ Reason: it ended with exit status 3" in text
        assert not [line for line in text if "Silent for" in line]

    def test_it_is_told_that_it_is_back(self) -> None:
        text = lines(make_process_message("up"))
        assert text[0] == "✅ PROCESS BACK"
        assert "🕐 Was down for: 2h 5m" in text

    def test_it_flaps_as_a_process(self) -> None:
        assert lines(make_process_message("flapping"))[0] == "🔁 PROCESS FLAPPING"
        assert lines(make_process_message("calm"))[0] == "🍃 PROCESS CALM AGAIN"
