"""The environment's services: made, changed, taken over and left to people."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from config import Settings
from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Host, Service, StatusChange, User, monitor_channels
from sentinelweb.runtime import worker
from sentinelweb.services import accounts, counts, environment
from sentinelweb.services.environment import Applied
from tests.support.checked_client import CheckedClient
from tests.support.factories import make_service, team_of

SHOP = {"SERVICE_NAMES": "shop", "SERVICE_URL_shop": "https://shop.example.com/health"}
N8N = "http://127.0.0.1:9/webhook"


def services() -> dict[str, Service]:
    db.session.rollback()
    db.session.expire_all()
    return {row.name: row for row in db.session.scalars(sa.select(Service).order_by(Service.id))}


def attached(channel: Channel) -> set[int]:
    query = sa.select(monitor_channels.c.monitor_id)
    return set(db.session.scalars(query.where(monitor_channels.c.channel_id == channel.id)))


class TestMaking:
    @pytest.mark.settings(loop_interval_seconds=15)
    def test_services_are_made_in_the_first_administrator_s_team(
        self, settings: Settings, admin: User
    ) -> None:
        applied = environment.apply(
            settings,
            {
                "SERVICE_NAMES": "shop, proxy",
                "SERVICE_URL_shop": "'https://shop.example.com/health'",
                "SERVICE_HEADERS_shop": '"x-health-check:true,Authorization:Bearer my-token"',
                "SERVICE_URL_proxy": "docker:my-proxy",
                "SERVICE_URL_Wiki": "https://wiki.example.com/",
            },
        )

        assert applied == Applied(made=3)
        found = services()
        assert list(found) == ["shop", "proxy", "Wiki"]
        shop = found["shop"]
        assert (shop.target, shop.probe) == ("https://shop.example.com/health", "http")
        assert shop.options == {"headers": "x-health-check: true\nAuthorization: Bearer my-token"}
        assert (shop.interval, shop.from_environment) == (15, True)
        assert (shop.status, shop.is_active) == ("new", True)
        assert shop.next_check_at is not None
        assert shop.team_id == team_of(admin).id
        assert (found["proxy"].target, found["proxy"].probe) == ("docker:my-proxy", "docker")
        assert counts.by_status("service")[Status.NEW] == 3

    def test_doing_it_again_changes_nothing(self, settings: Settings, admin: User) -> None:
        environment.apply(settings, SHOP)
        before = services()["shop"]

        assert environment.apply(settings, SHOP) == Applied()
        after = services()["shop"]
        assert (after.id, after.updated_at) == (before.id, before.updated_at)

    def test_without_an_administrator_it_waits_for_one(
        self, settings: Settings, app: Flask, make_user: Callable[..., User]
    ) -> None:
        assert environment.apply(settings, SHOP) == Applied()
        make_user("user@example.com")
        assert environment.apply(settings, SHOP) == Applied()
        make_user("admin@example.com", is_admin=True)
        assert environment.apply(settings, SHOP) == Applied(made=1)

    def test_machines_that_start_at_once_make_each_service_once(
        self, app: Flask, settings: Settings, admin: User
    ) -> None:
        db.session.rollback()

        def start(_number: int) -> int:
            with app.app_context():
                return environment.apply(settings, SHOP).made

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(start, range(4))) == 1
        assert list(services()) == ["shop"]
        assert counts.by_status("service")[Status.NEW] == 1

    def test_an_ordinary_service_of_the_same_name_and_address_is_taken_over(
        self, settings: Settings, admin: User
    ) -> None:
        mine = make_service(admin, name="shop", target=SHOP["SERVICE_URL_shop"], interval=60)
        other = make_service(admin, name="shop", target="https://example.com/")

        assert environment.apply(settings, SHOP) == Applied(changed=1)
        db.session.expire_all()
        assert (mine.from_environment, mine.interval) == (True, settings.loop_interval_seconds)
        assert not other.from_environment


class TestWrongVariables:
    @pytest.mark.parametrize(
        ("variables", "variable", "reason"),
        [
            ({"SERVICE_URL_x": "gopher://example.com"}, "SERVICE_URL_x", "must begin with one of"),
            ({"SERVICE_URL_x": "https://"}, "SERVICE_URL_x", ""),
            ({"SERVICE_URL_x": "https://a b"}, "SERVICE_URL_x", "Spaces"),
            ({"SERVICE_URL_x": "https://" + "x" * 10_000}, "SERVICE_URL_x", "characters"),
            ({"SERVICE_NAMES": "x"}, "SERVICE_NAMES", "SERVICE_URL_x"),
            (
                {"SERVICE_URL_x": "docker:x", "SERVICE_HEADERS_x": "A:secret-1"},
                "SERVICE_HEADERS_x",
                "no headers",
            ),
            (
                {"SERVICE_URL_x": "https://x.example.com", "SERVICE_HEADERS_x": "Upgrade:secret-1"},
                "SERVICE_HEADERS_x",
                "cannot be set",
            ),
        ],
    )
    def test_the_log_says_what_is_wrong_and_the_others_work(
        self,
        settings: Settings,
        admin: User,
        variables: dict[str, str],
        variable: str,
        reason: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        environment.apply(settings, SHOP | variables)

        assert list(services()) == ["shop"]
        (line,) = [item.msg for item in caplog.records if "service_refused" in item.getMessage()]
        assert line["variable"] == variable
        assert reason in line["reason"]
        assert "secret-1" not in caplog.text

    def test_a_variable_that_became_wrong_leaves_its_service_as_it_is(
        self, settings: Settings, admin: User
    ) -> None:
        environment.apply(settings, SHOP)

        assert environment.apply(settings, SHOP | {"SERVICE_URL_shop": "nonsense"}) == Applied()
        shop = services()["shop"]
        assert (shop.target, shop.status, shop.from_environment) == (
            SHOP["SERVICE_URL_shop"],
            "new",
            True,
        )


class TestChanges:
    def test_another_address_keeps_the_service(self, settings: Settings, admin: User) -> None:
        environment.apply(settings, SHOP)
        before = services()["shop"]

        applied = environment.apply(
            settings,
            SHOP | {"SERVICE_URL_shop": "tcp://shop.example.com:443"},
        )

        assert applied == Applied(changed=1)
        shop = services()["shop"]
        assert shop.id == before.id
        assert (shop.target, shop.probe) == ("tcp://shop.example.com:443", "tcp")

    def test_what_somebody_paused_stays_paused(self, settings: Settings, admin: User) -> None:
        environment.apply(settings, SHOP)
        with writing() as session:
            session.execute(sa.update(Service.__table__).values(next_check_at=None))
            session.execute(sa.text("UPDATE monitors SET status = 'paused'"))

        environment.apply(settings, SHOP | {"SERVICE_HEADERS_shop": "A:1"})

        shop = services()["shop"]
        assert (shop.status, shop.next_check_at) == ("paused", None)
        assert shop.options == {"headers": "A: 1"}

    def test_a_variable_that_went_away_pauses_its_service_and_leaves_it_to_people(
        self, settings: Settings, admin: User
    ) -> None:
        environment.apply(settings, SHOP)

        assert environment.apply(settings, {}) == Applied(let_go=1)
        shop = services()["shop"]
        assert (shop.status, shop.is_active, shop.from_environment) == ("paused", False, False)
        assert shop.next_check_at is None
        assert db.session.scalars(sa.select(StatusChange.new_status)).all() == ["paused"]
        assert counts.by_status("service")[Status.PAUSED] == 1
        assert counts.by_status("service")[Status.NEW] == 0
        assert environment.apply(settings, {}) == Applied()

    def test_when_it_comes_back_the_service_goes_on(self, settings: Settings, admin: User) -> None:
        environment.apply(settings, SHOP)
        before = services()["shop"]
        environment.apply(settings, {})

        assert environment.apply(settings, SHOP) == Applied(changed=1)
        shop = services()["shop"]
        assert (shop.id, shop.status, shop.from_environment) == (before.id, "new", True)
        assert shop.next_check_at is not None
        assert counts.by_status("service")[Status.NEW] == 1

    def test_with_another_first_administrator_they_are_made_anew_for_that_one(
        self, settings: Settings, admin: User, make_user: Callable[..., User]
    ) -> None:
        environment.apply(settings, SHOP)
        other = make_user("other-admin@example.com", is_admin=True)
        with writing() as session:
            session.execute(sa.update(User).where(User.id == admin.id).values(is_admin=False))

        assert environment.apply(settings, SHOP) == Applied(made=1, let_go=1)
        rows = db.session.scalars(sa.select(Service).where(Service.from_environment)).all()
        assert [row.team_id for row in rows] == [team_of(other).id]


class TestTheChannel:
    def channel(self) -> Channel:
        db.session.rollback()
        return db.session.scalars(sa.select(Channel)).one()

    @pytest.mark.settings(n8n_webhook_url=N8N)
    def test_one_is_made_and_alerted_by_the_services_and_the_local_host(
        self, settings: Settings, admin: User
    ) -> None:
        make_service(admin, name="Website")
        for _ in range(2):
            environment.apply(settings, SHOP)

        channel = self.channel()
        assert (channel.kind, channel.name) == ("n8n", "N8N (environment)")
        assert channel.settings == {"url": ""}
        assert channel.team_id == team_of(admin).id
        host = db.session.scalars(sa.select(Host)).one()
        assert attached(channel) == {services()["shop"].id, host.id}

    @pytest.mark.settings(n8n_webhook_url=N8N)
    def test_what_people_detached_stays_detached(self, settings: Settings, admin: User) -> None:
        environment.apply(settings, SHOP)
        with writing() as session:
            session.execute(sa.delete(monitor_channels))

        environment.apply(settings, SHOP | {"SERVICE_URL_wiki": "https://wiki.example.com/"})

        assert attached(self.channel()) == {services()["wiki"].id}

    @pytest.mark.settings(n8n_webhook_url=N8N)
    def test_one_that_people_renamed_serves_on(self, settings: Settings, admin: User) -> None:
        environment.apply(settings, {})
        with writing() as session:
            session.execute(sa.update(Channel).values(name="On-call"))

        environment.apply(settings, SHOP)

        assert self.channel().name == "On-call"
        assert services()["shop"].id in attached(self.channel())

    @pytest.mark.settings(n8n_webhook_url=N8N)
    def test_one_with_an_address_of_its_own_is_another(
        self, settings: Settings, admin: User, make_channel: Callable[..., Channel]
    ) -> None:
        make_channel(admin, "n8n", settings={"url": "http://127.0.0.1:9/own"})
        environment.apply(settings, SHOP)
        db.session.rollback()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 2

    def test_without_the_setting_there_is_none(self, settings: Settings, admin: User) -> None:
        environment.apply(settings, SHOP)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 0


class TestWhereVariablesComeFrom:
    def test_the_environment_comes_before_the_file_and_cases_are_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".env").write_text(
            "SERVICE_NAMES=shop\n"
            'SERVICE_URL_shop="https://file.example.com/"\n'
            "SERVICE_URL_Wiki=https://wiki.example.com/  # the wiki\n"
            "SERVICE_URL_none=\n"
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SERVICE_URL_shop", "https://environment.example.com/")

        found = environment.variables()

        assert found["SERVICE_URL_shop"] == "https://environment.example.com/"
        assert found["SERVICE_URL_Wiki"] == "https://wiki.example.com/"
        assert "SERVICE_URL_none" not in found


def test_a_worker_that_starts_takes_the_environment_as_it_is_then(
    app: Flask, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_URL_shop", SHOP["SERVICE_URL_shop"])

    assert worker._begin_anew()

    assert list(services()) == ["shop"]


def test_the_first_administrator_of_the_set_up_page_gets_them(
    app: Flask, client: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_URL_shop", SHOP["SERVICE_URL_shop"])
    client.get("/setup")
    client.submit(None, {"email": "admin@example.com", "password": "correct horse battery staple"})

    assert accounts.is_set_up()
    assert list(services()) == ["shop"]
