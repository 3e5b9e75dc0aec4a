"""Every page is shown in every language, with nothing of the English left on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, abort, url_for
from werkzeug.routing import Rule

from sentinelweb import notifiers
from sentinelweb.core.results import Result
from sentinelweb.db import db
from sentinelweb.models import (
    ApiKey,
    Delivery,
    DeliveryAttempt,
    Host,
    Invitation,
    Monitor,
    MonitoringCycle,
    Outage,
    Ping,
    Process,
    Role,
    Service,
    ServiceCheck,
    StatusChange,
    StatusPage,
    Team,
    TeamImport,
    User,
)
from sentinelweb.services import (
    administration,
    invitations,
    members,
    passwords,
    status_pages,
    teams,
)
from sentinelweb.services.import_report import Became
from sentinelweb.services.status_pages import PageValues
from tests.support.catalogs import LOCALES, english_in
from tests.support.checked_client import CheckedClient
from tests.support.factories import (
    NOW,
    make_channel,
    make_heartbeat,
    make_host,
    make_process,
    make_service,
    make_user,
    team_of,
)
from tests.support.mailbox import Mailbox
from tests.support.untranslated import texts

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"]),  # one is enough for words
    pytest.mark.parametrize("locale", LOCALES),
    pytest.mark.usefixtures("catalogs", "clock"),
]

NOTES = ("pinged", "missed", "unfinished", "failed", "exit 3", "late", "rescheduled", "paused")
NOT_SEEN = {"accounts.setup"}  # as long as nobody has an account
# What is for programs is in English, and so is what `/docs` says of it.
UNTRANSLATED = {
    "api_v1",
    "badges",
    "docs",
    "health",
    "pings",
    "process_api",
    "pulsemon_api",
    None,
}

Arguments = dict[str, list[Any]]


@pytest.fixture
def user(app: Flask, locale: str) -> User:
    return make_user("user@example.com", name="U", is_admin=True, locale=locale, last_login_at=NOW)


@pytest.fixture
def arguments(app: Flask, user: User) -> Arguments:
    """What the addresses of pages are filled in with, so that all that can be shown is shown."""
    late = {"last_ping": NOW - timedelta(seconds=70), "status": "late"}
    down = {"last_ping": NOW - timedelta(hours=2), "status": "down", "alert_sent_at": NOW}
    telegram = make_channel(user, "telegram", fault="Chat 42?", fault_at=NOW)
    webhook = make_channel(user, "webhook", name="W")
    heartbeats = [
        make_heartbeat(user, name="A", last_ping=NOW, tags=["x"], environment="y", description="z"),
        make_heartbeat(user, name="B", **late),
        make_heartbeat(user, name="C", **down, channels=[telegram]),
        make_heartbeat(user, name="D", **down, failure="exit 3", last_duration_ms=1_500),
        make_heartbeat(user, name="E", **down, failure="failed"),
        make_heartbeat(user, name="F", runs={"": NOW.isoformat()}),
        make_heartbeat(user, name="G", status="paused"),
        make_heartbeat(user, name="H", cron_expression="0 3 * * *", cron_timezone="UTC"),
        make_heartbeat(user, name="I"),
    ]
    pings = _happenings(heartbeats[0].id, webhook.id)
    hosts = _hosts(user)
    services = _services(user, hosts[0])
    key = ApiKey(
        team_id=telegram.team_id, name="K", key_hash="k", hint="k", created_at=NOW, last_used_at=NOW
    )
    db.session.add_all([key, Outage(began_at=NOW - timedelta(hours=1), ended_at=NOW)])
    db.session.commit()
    other = make_user("other@example.com", name="O", is_admin=True)
    ordinary = make_user("ordinary@example.com", name="P")
    invited = invitations.invite("invited@example.com", by=user)
    shared, into_shared = _shared_team(user, other, ordinary)
    page = _status_page(user, [*heartbeats, *services, *hosts])
    return {
        "heartbeat_id": [heartbeat.id for heartbeat in heartbeats],
        "ping_id": [ping.id for ping in pings],
        "host_id": [host.id for host in hosts],
        "service_id": [service.id for service in services],
        "monitor_id": [
            monitor.id for monitor in (*_processes(user), *hosts, *services, *heartbeats)
        ],
        "key_id": [key.id],
        "channel_id": [telegram.id, webhook.id, make_channel(user, "pigeon").id],
        "user_id": [other.id, ordinary.id, user.id],
        "team_id": [telegram.team_id, shared.id],
        "kind": list(notifiers.registered()),
        "page_id": [page.id],
        "slug": [page.slug],
        "name": _imports(user),
        "token": [
            *(invitations.link(i, "").rpartition("/")[2] for i in (invited, *into_shared)),
            passwords.reset_link(administration.user(other.id), "").rpartition("/")[2],
        ],
    }


def _shared_team(user: User, *others: User) -> tuple[Team, list[Invitation]]:
    """With invitations of `user`, of another one who has an account, and of one who has none."""
    team = teams.create(user, "S")
    for other, role in zip(others, Role, strict=False):
        members.add(team.id, other.email, role, by=user)
    emails = (user.email, others[0].email, "newcomer@example.com")
    invited = [
        Invitation(email=email, invited_by=user, team=team, role=Role.MEMBER, created_at=NOW)
        for email in emails
    ]
    db.session.add_all(invited)
    db.session.commit()
    return team, invited


def _imports(user: User) -> list[str]:
    """One in each state, and some that something holds up."""
    common = {
        "filename": "F",
        "locale": user.locale,
        "created_at": NOW,
        "team_id": team_of(user).id,
    }
    counted = {became.value: 1 for became in Became}
    under_way = {"due_at": NOW, "claimed_at": NOW, "total": 9, "position": 5, "counted": counted}
    ended = {"total": 9, "position": 9, "counted": counted}
    line = {"place": "team", "name": "T", "text": "1"}
    told = {"told": [line | {"became": became.value} for became in Became], "told_count": 9}
    runs = [
        TeamImport(id=f"import-{number}", user_id=user.id, **{"updated_at": NOW} | common | values)
        for number, values in enumerate(
            [
                {"state": "looking", "due_at": NOW},
                {"state": "looking", **under_way},
                {"state": "importing", **under_way, "resumed_at": NOW},
                {"state": "importing", **under_way, "updated_at": NOW - timedelta(minutes=1)},
                {"state": "looked", **ended, **told},
                {"state": "done", **ended, **told},
                {"state": "failed", "error": "1"},
                {"state": "failed", "error": "1", **ended},
            ]
        )
    ]
    db.session.add_all(runs)
    db.session.commit()
    return [run.id for run in runs]


def _status_page(user: User, monitors: Sequence[Monitor]) -> StatusPage:
    """One that shows all that a page can show, at `/status` too."""
    page = status_pages.create(user, PageValues(title="A", slug="a", is_first=True))
    status_pages.add_monitors(user, page.id, [monitor.id for monitor in monitors])
    for item in page.items:
        item.shows_alias = item.shows_last_ping = item.shows_interval = True
        item.shows_latency = item.shows_tags = True
    db.session.commit()
    return page


def _happenings(monitor_id: int, channel_id: int) -> list[Ping]:
    """Something of each kind that a timeline and a log of deliveries can show; the pings of it."""
    sender = {"method": "GET", "remote_addr": "192.0.2.1", "user_agent": "curl/8", "counted": True}
    pings = [
        Ping(monitor_id=monitor_id, created_at=NOW, **(sender | values))
        for values in (
            {"duration_ms": 2_000},
            {"method": "TEST"},
            {"kind": "start", "rid": "1b6f2c1e-6c5d-4f0a-9f6e-3d1f0a8f7c11"},
            {"kind": "log", "body": b"12", "body_size": 2},
            {"kind": "fail", "body": b"\0", "body_size": 9_000},
            {"kind": "fail", "exit_status": 3, "duration_ms": 1_500, "body_size": 5},
            {"counted": False},
        )
    ]
    db.session.add_all(pings)
    for note in (*NOTES, "resumed"):
        db.session.add(
            StatusChange(
                monitor_id=monitor_id,
                prev_status="new",
                new_status="up",
                note=note,
                created_at=NOW - timedelta(days=2),
            )
        )
    for number, (event, state) in enumerate(
        (event, state)
        for event in ("down", "up", "test", "flapping", "calm")
        for state in ("pending", "sent", "failed", "merged")
    ):
        attempt = DeliveryAttempt(created_at=NOW, duration_ms=5, error="" if number % 2 else "E")
        db.session.add(
            Delivery(
                uid=f"uid-{number}",
                channel_id=channel_id,
                monitor_id=monitor_id,
                event=event,
                state=state,
                facts={"kind": "heartbeat", "name": "A", "occurred_at": NOW.isoformat()},
                created_at=NOW + timedelta(seconds=number),
                due_at=NOW + timedelta(hours=1) if state == "pending" else None,
                finished_at=None if state == "pending" else NOW,
                attempt_count=number % 3,
                attempts=[attempt] if number % 3 else [],
            )
        )
    db.session.commit()
    return pings


def _hosts(user: User) -> list[Host]:
    """A host of each kind and status; the first has figures and a history."""
    seen = {"last_report_at": NOW, "agent": "sentinelweb/1"}
    long_ago = NOW - timedelta(hours=5)
    hosts = [
        make_host(user, name="a", **seen),
        make_host(user, name="b", is_local=True, **seen),
        make_host(user, name="c", status="down", last_report_at=long_ago, status_since=long_ago),
        make_host(user, name="d", status="paused"),
        make_host(user, name="e"),
    ]
    for host in hosts[:2]:
        db.session.add(
            MonitoringCycle(
                id=f"cycle-{host.id}",
                host_id=host.id,
                created_at=NOW,
                cpu_percent=95,
                ram_percent=50,
                ram_used_mb=1_024,
                disk_percent=None,
                uptime_seconds=100_000,
                container_count=3,
                internet_status=host.is_local,
                ping_ms=12.5,
                worker_status=220,
                cycle_duration_ms=40,
                services_due=9,
                services_late=2,
            )
        )
    _change_status(hosts[0].id, "silent", "answered", "paused", "resumed")
    db.session.commit()
    return hosts


def _services(user: User, host: Host) -> list[Service]:
    """A service of each kind, status and result; the first has results and a history."""
    looked_at = {"last_check_at": NOW, "last_latency_ms": 12.5}
    failed = {"last_check_at": NOW, "last_error": "Connection refused"}
    down = {"status": "down", "last_result": "down", "failures": 9, **failed}
    services = [
        make_service(user, name="A", recent="hdetuhhh", tags=["x"], environment="y", **looked_at),
        make_service(user, name="B", last_status_code=500, **down),
        make_service(user, name="C", last_result="timeout", failures=2, **failed),
        make_service(user, name="D", last_result="unknown", **failed),
        make_service(user, name="E", status="paused"),
        make_service(user, name="F"),
        make_service(user, name="G", from_environment=True, **looked_at),
        make_service(user, name="H", host_id=host.id, probe="agent", **looked_at),
        make_service(
            user,
            name="I",
            target="https://example.com",
            options={"headers": "X-Key: 1", "method": "GET", "verify_tls": False, "keyword": "z"},
            certificate_expires_at=NOW + timedelta(days=5),
            **looked_at,
        ),
        make_service(user, name="J", certificate_expires_at=NOW - timedelta(days=5), **looked_at),
        *(
            make_service(user, name=probe, probe=probe, target=target, **looked_at)
            for probe, target in (
                ("tcp", "tcp://example.com:25"),
                ("dns", "dns:example.com"),
                ("icmp", "icmp:example.com"),
                ("tls", "tls:example.com"),
                ("docker", "docker:queue"),
            )
        ),
    ]
    for number, result in enumerate([*Result, Result.HEALTHY]):
        db.session.add(
            ServiceCheck(
                service_id=services[0].id,
                cycle_id=None if number % 2 else "cycle",
                created_at=NOW - timedelta(minutes=number),
                status=result,
                latency_ms=12.5 if result is Result.HEALTHY else None,
                status_code=None,
                error_message="" if result is Result.HEALTHY else "Host not found",
            )
        )
    _change_status(services[0].id, "Connection refused", "answered", "paused", "resumed")
    db.session.commit()
    return services


def _processes(user: User) -> list[Process]:
    """A process of each kind and status."""
    told = {"progress": 40, "message": "m", "host": "web-1", "pid": 7}
    ended = {"status": "paused", "ended_at": NOW, "exit_status": 0, "output": "o"}
    return [
        make_process(user, name="A", **told),
        make_process(user, name="B", keep_alive=False),
        make_process(user, name="C", kept_by_server=True),
        make_process(user, name="D", **ended),
        make_process(user, name="E", status="down", exit_status=3, ended_at=NOW),
        make_process(user, name="F", status="down"),
    ]


def _change_status(monitor_id: int, *notes: str) -> None:
    for number, note in enumerate(notes):
        db.session.add(
            StatusChange(
                monitor_id=monitor_id,
                prev_status="up",
                new_status="down",
                note=note,
                created_at=NOW - timedelta(minutes=number),
            )
        )


def addresses(rule: Rule, arguments: Arguments) -> Iterator[str]:
    values = [{}]
    for name in rule.arguments:
        values = [{**value, name: given} for value in values for given in arguments[name]]
    for value in values:
        yield url_for(rule.endpoint, **value)


def check_language(client: CheckedClient, locale: str) -> None:
    assert client.page is not None
    (html,) = client.page.query("html")
    assert html.attrs["lang"] == locale.replace("_", "-")
    assert english_in(texts(client.page), locale) == [], client.location


@pytest.mark.settings(registration="open", smtp_url="smtp://127.0.0.1:9")
def test_every_page_is_in_the_language_of_the_user(
    app: Flask,
    client: CheckedClient,
    user: User,
    login: Callable[[CheckedClient, User], None],
    locale: str,
    arguments: Arguments,
) -> None:
    with app.test_request_context():
        pages = {
            rule.endpoint: list(addresses(rule, arguments))
            for rule in app.url_map.iter_rules()
            if rule.methods and "GET" in rule.methods and "." in rule.endpoint
            if rule.endpoint.partition(".")[0] not in UNTRANSLATED
        }
    seen = set()
    for logged_in in (False, True):
        client.set_cookie("locale", locale)
        if logged_in:
            login(client, user)
        for endpoint, urls in pages.items():
            for url in urls:
                response = client.get(url)
                if response.status_code in {200, 410}:
                    check_language(client, locale)
                    seen.add(endpoint)
    assert seen == set(pages) - NOT_SEEN


def test_what_was_filled_in_wrongly_is_explained_in_the_language_of_the_user(
    client: CheckedClient, user: User, login: Callable[[CheckedClient, User], None], locale: str
) -> None:
    login(client, user)
    for page, data in (
        ("/heartbeats/add", {"name": "", "expected_period": "often", "grace_period": "9999w"}),
        ("/heartbeats/add", {"schedule_kind": "moon", "channels": ["x"], "name": "x" * 300}),
        ("/heartbeats/add", {"schedule_kind": "cron", "cron_timezone": "Moon/Base", "tags": "\0"}),
        ("/channels/add/telegram", {"name": "", "bot_token": "x", "chat_id": "?", "locale": "x"}),
        ("/channels/add/webhook", {"url": "ftp://x", "headers": "x", "method": "BREW"}),
        ("/services/add", {"target": "", "interval": "often", "timeout": "x", "threshold": "0"}),
        ("/services/add", {"target": "gopher://x", "interval": "1s", "channels": ["x"]}),
        ("/services/add", {"target": "http://", "name": "x" * 300, "tags": "\0"}),
        ("/hosts/add", {"name": "", "silent_after": "soon"}),
        ("/account", {"name": "x" * 500, "locale": "xx", "timezone": "Moon/Base"}),
    ):
        client.get(page)
        form = {"/account": "profile"}.get(page, "")
        assert client.submit(form, data).status_code in {200, 422}
        check_language(client, locale)
        assert client.text(".field-error")


def test_the_set_up_and_a_wrong_login_are_in_the_language_of_the_browser(
    app: Flask, client: CheckedClient, locale: str
) -> None:
    headers = {"Accept-Language": locale.replace("_", "-")}
    client.get("/setup", headers=headers)
    check_language(client, locale)
    client.submit("", {"email": "nobody", "password": "short"}, headers=headers)
    check_language(client, locale)
    make_user()
    for _attempt in range(11):
        client.get("/login", headers=headers)
        client.submit("", {"email": "a@example.com", "password": "wrong"}, headers=headers)
        check_language(client, locale)
    assert "429" in client.text()


@pytest.mark.parametrize("code", [400, 403, 404, 405, 413, 418, 429, 500, 503])
def test_an_error_is_in_the_language_of_the_browser(
    app: Flask, client: CheckedClient, user: User, locale: str, code: int
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/fail", view_func=lambda: abort(code))
    language = locale.replace("_", "-")
    client.get("/fail", headers={"Accept-Language": language, "Accept": "text/html"})
    check_language(client, locale)


def test_mails_are_in_the_language_of_their_reader(
    client: CheckedClient,
    user: User,
    mailbox: Mailbox,
    login: Callable[[CheckedClient, User], None],
    locale: str,
) -> None:
    login(client, user)
    client.get("/users")
    client.submit("invite", {"email": "invited@example.com"})
    client.get(f"/users/{user.id}/reset-link")
    client.submit(f"/users/{user.id}/reset-link")
    for message in (mailbox.next(), mailbox.next()):
        said = [message["Subject"], *message.get_content().splitlines()]
        assert english_in(said, locale) == []


def test_times_and_numbers_are_written_as_the_reader_does(
    client: CheckedClient, user: User, login: Callable[[CheckedClient, User], None], locale: str
) -> None:
    user.timezone = "America/Sao_Paulo"
    heartbeat = make_heartbeat(user, name="A", last_ping=NOW, total_pings=12_345)
    login(client, user)
    client.get(f"/heartbeats/{heartbeat.id}")
    assert "12.345" in client.text(".counters")
    month = {"pt_BR": "07/01/2026 09:00:00 -03", "es": "7 ene 2026, 9:00:00 -03"}[locale]
    assert month in client.text(".status-since")
