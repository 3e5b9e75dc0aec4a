"""What every service kind keeps, whichever file it is in."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinelweb import i18n, probes
from sentinelweb.core.results import Result
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network
from sentinelweb.probes import reasons
from sentinelweb.probes.base import InvalidTargetError, Probe, Target
from sentinelweb.probes.crowd import look_at

KINDS = sorted(probes.registered())
# The names of the other fields of a service's form.
TAKEN = {"name", "target", "interval", "timeout", "threshold", "channels", "csrf_token"}


@pytest.fixture(params=KINDS)
def probe(request: pytest.FixtureRequest) -> Probe:
    return probes.registered()[request.param]


def test_the_kinds_of_the_seeds_and_those_that_people_expect_are_registered() -> None:
    assert {"http", "docker", "tcp", "dns", "icmp", "tls"} <= set(KINDS)


def test_a_kind_declares_what_forms_and_documentation_need(probe: Probe) -> None:
    assert probe.kind.isidentifier()
    assert len(probe.kind) <= 10  # the column services.probe
    for text in (probe.label, probe.icon, probe.summary, probe.example):
        assert str(text)
    assert probe.schemes
    names = [option.name for option in probe.options]
    assert len(set(names)) == len(names)
    assert not TAKEN & set(names)
    for option in probe.options:
        assert option.name.isidentifier()
        assert str(option.label)
        assert bool(option.choices) == (option.kind == "choice")
        if option.default:
            assert option.clean(option.default) is not None


def test_no_two_kinds_share_a_scheme_or_a_place() -> None:
    schemes = [scheme for kind in KINDS for scheme in probes.registered()[kind].schemes]
    assert len(set(schemes)) == len(schemes)
    assert len({probes.registered()[kind].order for kind in KINDS}) == len(KINDS)


def test_the_example_is_clean_and_leads_back_to_its_kind(probe: Probe) -> None:
    assert probe.clean(probe.example) == probe.example
    assert probe.clean(f"  {probe.example}\n") == probe.example
    assert probes.probe_for(probe.example) is probe
    assert probes.probe_for(probe.example.upper()) is probe


def test_what_is_clean_stays_as_it_is(probe: Probe) -> None:
    once = probe.clean(probe.example.upper())
    assert probe.clean(once) == once


@pytest.mark.parametrize(
    "rest",
    ["", "//", "///", "//\0", "a\0b", "a b", "a\nb", "x" * 100_000, "//[::1", "//]", "//-", "?",
     "\ud800", "\u202eevil", "//a:99999", "//a:-1", "//a:b", "/../..", "//%00", "//:", "//:80", "#",
     "@", "//@", "\\\\host\\share", "//[fe80::1%25eth0]:1", "//ü..b", "//" + "ü" * 70 + ".example"],
)  # fmt: skip
def test_garbage_is_no_target(probe: Probe, rest: str) -> None:
    with pytest.raises(InvalidTargetError) as caught:
        probe.clean(f"{probe.schemes[0]}:{rest}")
    assert str(caught.value).endswith(".")
    assert caught.value.field is None


@settings(deadline=None)
@given(rest=st.text(max_size=40) | st.from_regex(r"(//)?[\w.@:%\[\]/?#-]{1,30}", fullmatch=True))
def test_whatever_is_typed_is_a_target_that_stays_one_or_is_refused(rest: str) -> None:
    for probe in probes.registered().values():
        try:
            address = probe.clean(f"{probe.schemes[0]}:{rest}")
        except InvalidTargetError:
            continue
        assert probe.clean(address) == address


@settings(deadline=None)
@given(value=st.text(max_size=60))
def test_whatever_is_typed_is_an_option_that_stays_one_or_is_refused(value: str) -> None:
    for probe in probes.registered().values():
        for option in probe.options:
            try:
                stored = option.clean(value)
            except InvalidTargetError:
                continue
            if stored is not None:
                assert option.clean(str(stored)) == stored


@pytest.mark.parametrize("address", ["", "   ", "\0", "example.com", "nonsense:example.com"])
def test_what_has_no_scheme_of_the_kind_is_no_target(probe: Probe, address: str) -> None:
    with pytest.raises(InvalidTargetError):
        probe.clean(address)
    assert probes.probe_for(address) is None


@pytest.mark.parametrize("value", ["a\0b", "\x1b[31m", "x" * 100_000])
def test_no_option_takes_control_characters_or_a_huge_value(probe: Probe, value: str) -> None:
    for option in probe.options:
        with pytest.raises(InvalidTargetError) as caught:
            probe.clean_options({option.name: value})
        assert caught.value.field == option.name


def test_an_option_that_nobody_declared_is_refused(probe: Probe) -> None:
    with pytest.raises(InvalidTargetError) as caught:
        probe.clean_options({"nonsense": "1"})
    assert caught.value.field == "nonsense"


def test_empty_options_and_defaults_are_left_out(probe: Probe) -> None:
    assert probe.clean_options({}) == {}
    assert probe.clean_options({option.name: " " for option in probe.options}) == {}
    assert probe.clean_options({option.name: option.default for option in probe.options}) == {}


def test_a_flag_may_be_taken_back_and_a_number_is_one() -> None:
    http = probes.registered()["http"]
    assert http.clean_options({"verify_tls": "false"}) == {"verify_tls": False}
    assert http.clean_options({"verify_tls": "on", "follow_redirects": "True"}) == {
        "follow_redirects": True
    }
    assert http.clean_options({"certificate_days": " 21 "}) == {"certificate_days": 21}
    for value in ("0", "366", "-1", "2.5", "٣", "9" * 30):
        with pytest.raises(InvalidTargetError):
            http.clean_options({"certificate_days": value})
    with pytest.raises(InvalidTargetError):
        http.clean_options({"verify_tls": "perhaps"})


@pytest.mark.parametrize("options", [{"__class__": 1}, {"nonsense": object()}])
def test_whatever_went_wrong_with_us_is_unknown(probe: Probe, options: dict[str, object]) -> None:
    """A target that no validation has seen must not stop the others."""
    result = look_through_crowd(probe, Target("\0", options, 0.2))
    assert result.result in {Result.UNKNOWN, Result.DOWN}
    assert result.reason


def test_only_what_reaches_into_this_machine_is_for_administrators() -> None:
    reaching = {kind for kind in KINDS if probes.registered()[kind].admin_only}
    assert reaching == {"docker"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"docker", "dns"}))
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "169.254.169.254"])
def test_no_private_address_is_looked_at_where_that_is_denied(kind: str, host: str) -> None:
    address = {"http": "http://{}/", "tcp": "tcp://{}:9", "tls": "tls://{}:9", "icmp": "icmp:{}"}
    probe = probes.registered()[kind]
    target = Target(probe.clean(address[kind].format(host)), {}, 5.0)
    result = look_through_crowd(probe, target, reach=Reach.PUBLIC)
    assert (result.result, result.reason) == (Result.UNKNOWN, "Address not allowed")


def look_through_crowd(probe: Probe, target: Target, reach: Reach = Reach.PRIVATE):
    async def look():
        async with Network(reach, docker_host="unix:///nowhere/docker.sock") as network:
            return [found async for found in look_at([("key", probe.kind, target)], network)]

    began = time.monotonic()
    ((key, result),) = asyncio.run(look())
    assert key == "key"
    assert time.monotonic() - began < 60
    return result


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_reason_is_explained_in_every_language(locale: str) -> None:
    known = [
        text for name, text in vars(reasons).items() if name.isupper() and isinstance(text, str)
    ]
    known += reasons.CONTAINER_STATES.values()
    with i18n.reading_as(i18n.Reader(locale)):
        for reason in [*known, "HTTP 500", "Certificate expires in 1 day", "Something new", ""]:
            assert bool(reasons.explain(reason)) == bool(reason)
        assert "12" in reasons.explain("Certificate expires in 12 days")
