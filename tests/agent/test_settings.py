"""The agent's settings: seed 004's environment, and sentences for what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinelweb.agent.settings import AgentSettings, SettingsError, read

KEY = "sw_secret-key"
LEAST = {"HEARTBEAT_URL": "https://monitor.example.com/api/heartbeat", "SECRET_KEY": KEY}


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(LEAST | environ)
    return raised.value.problems


def test_the_environment_of_the_seed() -> None:
    settings, notes = read(
        LEAST
        | {
            "LOOP_INTERVAL_SECONDS": "30",
            "SERVICE_TIMEOUT_SECONDS": "5",
            "INTERNAL_DNS_OVERRIDE_IP": "172.17.0.1",
            "SERVICE_NAMES": "api,nginx",
            "SERVICE_URL_api": "https://api.example.com/health",
            "SERVICE_HEADERS_api": "x-health-check:true,Authorization:Bearer my-token",
            "SERVICE_URL_nginx": "docker:my-nginx",
            "N8N_WEBHOOK_URL": "https://n8n.example.com/secret",
            "TARGET_DATA_POINTS": "30",
            "TZ": "America/Lima",
        }
    )
    assert (settings.url, settings.key) == (LEAST["HEARTBEAT_URL"], KEY)
    assert (settings.interval, settings.timeout) == (30, 5)
    assert settings.override_ip == "172.17.0.1"
    assert settings.spool == Path("data/agent.db")
    api, nginx = settings.services
    assert (api.name, api.probe.kind, api.target) == (
        "api",
        "http",
        "https://api.example.com/health",
    )
    assert api.options["headers"] == "x-health-check: true\nAuthorization: Bearer my-token"
    assert (nginx.probe.kind, nginx.target) == ("docker", "docker:my-nginx")
    assert notes == ["N8N_WEBHOOK_URL is ignored: alerts are sent by the channels of SentinelWeb"]


def test_the_least_that_is_needed() -> None:
    settings, notes = read(LEAST)
    assert settings == AgentSettings(LEAST["HEARTBEAT_URL"], KEY, (), Path("data"))
    assert notes == ["There is no SERVICE_URL_*: only the figures of this machine are reported"]


def test_the_key_of_the_server_is_not_taken_for_the_hosts() -> None:
    assert read(LEAST | {"HEARTBEAT_SECRET_KEY": "sw_other"})[0].key == "sw_other"


def test_nobody_may_be_asked_about_the_internet() -> None:
    assert read(LEAST | {"PING_URL": "None"})[0].ping_url == "none"


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        read({})
    assert [text.split()[0] for text in raised.value.problems] == ["HEARTBEAT_URL", "SECRET_KEY"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HEARTBEAT_URL": "monitor.example.com"}, "HEARTBEAT_URL must be an address"),
        ({"HEARTBEAT_URL": "ftp://monitor.example.com"}, "HEARTBEAT_URL must be an address"),
        ({"HEARTBEAT_URL": "http://[::1"}, "HEARTBEAT_URL must be an address"),
        ({"SECRET_KEY": "ключ"}, "SECRET_KEY holds characters that no key has"),
        ({"SECRET_KEY": "a b"}, "SECRET_KEY holds characters that no key has"),
        ({"LOOP_INTERVAL_SECONDS": "0"}, "LOOP_INTERVAL_SECONDS must be a whole number from 1"),
        ({"LOOP_INTERVAL_SECONDS": "ten"}, "LOOP_INTERVAL_SECONDS must be a whole number"),
        ({"LOOP_INTERVAL_SECONDS": "9" * 99}, "LOOP_INTERVAL_SECONDS must be a whole number"),
        ({"SERVICE_TIMEOUT_SECONDS": "61"}, "SERVICE_TIMEOUT_SECONDS must be a whole number"),
        ({"INTERNAL_DNS_OVERRIDE_IP": "here"}, "INTERNAL_DNS_OVERRIDE_IP is not an IP address"),
        ({"PING_URL": "google.com"}, "PING_URL must be an address"),
        ({"FORCE_IPV4": "maybe"}, "FORCE_IPV4 must be true or false"),
        ({"SERVICE_NAMES": "api"}, "SERVICE_NAMES: api has no SERVICE_URL_api"),
        ({"SERVICE_URL_api": "api.example.com"}, "SERVICE_URL_api: must begin with one of"),
    ],
)
def test_what_is_wrong_is_named_without_the_key(environ: dict[str, str], said: str) -> None:
    [problem] = problems(**environ)
    assert said in problem
    assert KEY not in problem


def test_more_services_than_a_host_may_have() -> None:
    many = {f"SERVICE_URL_s{number}": "http://127.0.0.1:9/" for number in range(501)}
    assert problems(**many) == ["A host has at most 500 services"]
