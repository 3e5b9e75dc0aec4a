"""The channels pages, as a browser without JavaScript uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from config import Settings
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, HeartbeatCheck, Process, User, monitor_channels
from sentinelweb.notifiers.base import Message
from sentinelweb.services import channels, delivery
from sentinelweb.services.masking import MASK
from sentinelweb.services.transitions import delivery_row
from tests.support.checked_client import CheckedClient
from tests.support.databases import both_databases
from tests.support.factories import NOW
from tests.support.messages import (
    FACTS,
    make_host_message,
    make_message,
    make_service_message,
    message_id,
)
from tests.support.pages import HTMX
from tests.support.receiver import Receiver, Reply

Login = Callable[[CheckedClient, User], None]
MakeChannel = Callable[..., Channel]
MakeHeartbeat = Callable[..., HeartbeatCheck]
MakeProcess = Callable[..., Process]

TOKEN = "123456789:AAF-token_of_the_bot"


@pytest.fixture
def client(client: CheckedClient, user: User, login: Login) -> CheckedClient:
    login(client, user)
    return client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def only_channel() -> Channel:
    db.session.rollback()
    return db.session.scalars(sa.select(Channel)).one()


def add(client: CheckedClient, kind: str, **values: str | None) -> Any:
    client.get(f"/channels/add/{kind}")
    return client.submit("channel-form", values)


class TestTheList:
    def test_says_what_a_channel_is_for_when_there_is_none(self, client: CheckedClient) -> None:
        client.get("/channels")
        assert "nobody is told" in client.text("main")
        assert client.page is not None
        assert client.page.query('main a[href="/channels/add/telegram"]')

    def test_shows_where_each_goes_who_uses_it_and_what_was_sent_last(
        self,
        client: CheckedClient,
        user: User,
        make_channel: MakeChannel,
        make_heartbeat: MakeHeartbeat,
    ) -> None:
        hook = make_channel(user, name="Hook", settings={"url": "https://h.example.com/T/SECRET"})
        make_channel(user, "telegram", name="Chat", fault="Telegram refuses it.", fault_at=NOW)
        heartbeat = make_heartbeat(user)
        with writing() as session:
            session.execute(
                sa.insert(monitor_channels).values(monitor_id=heartbeat.id, channel_id=hook.id)
            )
            row = delivery_row(hook.id, "down", {}, NOW, monitor_id=None)
            session.execute(sa.insert(Delivery).values(row | {"state": "failed", "due_at": None}))
        response = client.get("/channels")
        text = client.text("main")
        assert "Hook Webhook · h.example.com Failed" in text
        assert "1 monitor" in text
        assert "Chat Telegram · 42 Telegram refuses it. Nothing sent yet No monitor uses it" in text
        assert "SECRET" not in response.text

    def test_answers_nothing_new_until_something_changes(
        self, client: CheckedClient, user: User, make_channel: MakeChannel
    ) -> None:
        channel = make_channel(user)
        client.get("/channels?fragment=list", headers=HTMX)
        assert client.page is not None
        url = client.page.query_one("#channels").attrs["hx-get"]
        assert client.get(url, headers=HTMX).status_code == 204
        channels.send_test(user, channel.id)
        assert client.get(url, headers=HTMX).status_code == 200


class TestAdding:
    def test_a_kind_is_chosen_first(self, client: CheckedClient) -> None:
        client.get("/channels/add")
        assert "Telegram Messages from a bot" in client.text("main")
        assert "Webhook An HTTP call" in client.text("main")

    def test_an_unknown_kind_is_not_found(self, client: CheckedClient) -> None:
        assert client.get("/channels/add/pigeon").status_code == 404

    def test_a_telegram_channel(self, client: CheckedClient, user: User) -> None:
        response = add(client, "telegram", name="Team", bot_token=TOKEN, chat_id=" @team_chat ")
        channel = only_channel()
        assert response.status_code == 303
        assert response.location == f"/channels/{channel.id}"
        assert (channel.kind, channel.name) == ("telegram", "Team")
        assert channel.settings == {"bot_token": TOKEN, "chat_id": "@team_chat"}

    def test_a_webhook_with_headers_and_a_secret(self, client: CheckedClient) -> None:
        add(
            client,
            "webhook",
            url="https://example.com/hook",
            method="PUT",
            headers="Authorization: Bearer abc\r\nX-Team: ops",
            secret="s3cret",
        )
        assert only_channel().settings == {
            "url": "https://example.com/hook",
            "method": "PUT",
            "template": "json",
            "body": '{"text": {{ text | json }}}',
            "headers": "Authorization: Bearer abc\nX-Team: ops",
            "secret": "s3cret",
        }

    def test_language_and_time_zone_begin_as_those_of_whoever_adds_it(
        self, client: CheckedClient, user: User
    ) -> None:
        with writing() as session:
            session.execute(sa.update(User).values(locale="pt_BR", timezone="America/Sao_Paulo"))
        add(client, "webhook", url="https://example.com/hook")
        assert (only_channel().locale, only_channel().timezone) == ("pt_BR", "America/Sao_Paulo")

    def test_all_present_monitors_use_it_unless_that_is_unchecked(
        self,
        client: CheckedClient,
        user: User,
        other_user: User,
        make_heartbeat: MakeHeartbeat,
    ) -> None:
        mine = make_heartbeat(user)
        make_heartbeat(other_user)
        add(client, "webhook", name="A", url="https://example.com/a")
        assert channels.monitor_ids(only_channel()) == [mine.id]
        add(client, "webhook", name="B", url="https://example.com/b", for_all_monitors=None)
        second = db.session.scalars(sa.select(Channel).where(Channel.name == "B")).one()
        assert channels.monitor_ids(second) == []

    @pytest.mark.parametrize(
        ("kind", "values", "message"),
        [
            ("telegram", {"chat_id": "not a chat", "bot_token": TOKEN}, "Enter a number such as"),
            ("telegram", {"chat_id": "", "bot_token": TOKEN}, "This field is required."),
            ("telegram", {"chat_id": "1", "bot_token": "abc"}, "A bot token looks like"),
            ("telegram", {"chat_id": "1", "bot_token": ""}, "This field is required."),
            ("webhook", {"url": "example.com"}, "begins with https://"),
            ("webhook", {"url": "https://e.com/", "method": "DELETE"}, "Choose from the list."),
            ("webhook", {"url": "https://e.com/", "headers": "nonsense"}, "one header a line"),
            ("webhook", {"url": "https://e.com/", "headers": "Host: a"}, "cannot be set"),
            ("webhook", {"url": "https://e.com/", "name": "  "}, "Give it a name."),
            ("webhook", {"url": "https://e.com/", "name": "x" * 101}, "Too long."),
            ("webhook", {"url": "https://e.com/" + "x" * 3_000}, "at most 2000 characters"),
            ("webhook", {"url": "https://e.com/", "locale": "tlh"}, "Choose from the list."),
            ("webhook", {"url": "https://e.com/", "timezone": "Mars/X"}, "Choose from the list."),
        ],
    )
    def test_what_cannot_be_used_is_explained_beside_the_field(
        self, client: CheckedClient, kind: str, values: dict[str, str], message: str
    ) -> None:
        response = add(client, kind, **values)
        assert response.status_code == 200
        assert message in client.text(".field-error")
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 0

    @both_databases
    def test_a_nul_byte_is_an_error_and_not_a_crash(self, client: CheckedClient) -> None:
        for name in ("name", "url", "headers", "secret"):
            values = {"url": "https://e.com/", name: "https://e.com/\0"}
            assert add(client, "webhook", **values).status_code == 200
            assert client.text(".field-error")

    @pytest.mark.settings(telegram_bot_token="9:of_the_server")
    def test_the_servers_own_bot_makes_the_token_optional(self, client: CheckedClient) -> None:
        add(client, "telegram", chat_id="42", bot_token="")
        assert only_channel().settings == {"bot_token": "", "chat_id": "42"}
        assert "9:of_the_server" not in client.get("/channels/add/telegram").text


class TestSecrets:
    SETTINGS = {
        "url": "https://example.com/hook",
        "method": "POST",
        "template": "json",
        "body": '{"text": {{ text | json }}}',
        "headers": "Authorization: Bearer HEADERSECRET\nX-Team: TEAMSECRET",
        "secret": "SIGNINGSECRET",
    }

    @pytest.fixture
    def channel(self, user: User, make_channel: MakeChannel) -> Channel:
        return make_channel(user, settings=dict(self.SETTINGS))

    def test_are_in_no_page(
        self, client: CheckedClient, user: User, channel: Channel, make_channel: MakeChannel
    ) -> None:
        telegram = make_channel(user, "telegram", settings={"bot_token": TOKEN, "chat_id": "1"})
        for page in (
            "/channels",
            f"/channels/{channel.id}",
            f"/channels/{channel.id}/edit",
            f"/channels/{channel.id}/delete",
            f"/channels/{telegram.id}",
            f"/channels/{telegram.id}/edit",
            f"/channels/telegram/chats?channel={telegram.id}",
        ):
            text = client.get(page).text
            for secret in ("HEADERSECRET", "TEAMSECRET", "SIGNINGSECRET", TOKEN):
                assert secret not in text

    def test_stay_when_they_are_left_empty(self, client: CheckedClient, channel: Channel) -> None:
        client.get(f"/channels/{channel.id}/edit")
        client.submit("channel-form", {"name": "Renamed"})
        assert only_channel().name == "Renamed"
        assert only_channel().settings == self.SETTINGS

    def test_are_not_shown_again_when_another_field_is_wrong(
        self, client: CheckedClient, channel: Channel
    ) -> None:
        client.get(f"/channels/{channel.id}/edit")
        response = client.submit("channel-form", {"name": "", "secret": "NEWSECRET"})
        assert response.status_code == 200
        assert "NEWSECRET" not in response.text

    def test_can_be_replaced_and_removed(self, client: CheckedClient, channel: Channel) -> None:
        client.get(f"/channels/{channel.id}/edit")
        client.submit("channel-form", {"secret": "other"})
        assert only_channel().settings["secret"] == "other"
        client.get(f"/channels/{channel.id}/edit")
        client.submit("channel-form", {"remove_secret": "y"})
        assert only_channel().settings["secret"] == ""
        client.get(f"/channels/{channel.id}/edit")
        assert "Remove what" not in client.text("main")

    def test_a_header_can_be_added_changed_and_removed_beside_a_masked_one(
        self, client: CheckedClient, channel: Channel
    ) -> None:
        client.get(f"/channels/{channel.id}/edit")
        assert f"Authorization: {MASK}" in client.text("textarea")
        client.submit("channel-form", {"headers": f"authorization: {MASK}\nX-New: 1"})
        assert only_channel().settings["headers"] == "authorization: Bearer HEADERSECRET\nX-New: 1"
        client.get(f"/channels/{channel.id}/edit")
        client.submit("channel-form", {"headers": ""})
        assert only_channel().settings["headers"] == ""

    def test_a_mask_for_a_header_that_is_not_stored_is_an_error(
        self, client: CheckedClient, channel: Channel
    ) -> None:
        client.get(f"/channels/{channel.id}/edit")
        client.submit("channel-form", {"headers": f"X-Other: {MASK}"})
        assert "Write the value of X-Other." in client.text(".field-error")


def test_editing_forgets_what_was_wrong(
    client: CheckedClient, user: User, make_channel: MakeChannel
) -> None:
    channel = make_channel(user, fault="It is gone.", fault_at=NOW)
    client.get(f"/channels/{channel.id}/edit")
    client.submit("channel-form", {})
    assert (only_channel().fault, only_channel().fault_at) == (None, None)


class TestN8N:
    @pytest.mark.settings(n8n_webhook_url="http://127.0.0.1:9/webhook")
    def test_the_server_s_own_address_is_offered(self, client: CheckedClient) -> None:
        client.get("/channels/add/n8n")
        assert client.page is not None
        (url,) = client.page.query('input[name="url"]')
        assert url.attrs["placeholder"] == "The server's own"

        response = client.submit("channel-form", {"name": "On-call", "url": ""})
        assert response.status_code == 303
        assert (only_channel().kind, only_channel().settings) == ("n8n", {"url": ""})

    def test_without_one_an_address_is_needed(self, client: CheckedClient) -> None:
        response = add(client, "n8n", name="On-call", url="")
        assert response.status_code == 200
        assert "This field is required." in client.text("main")

        add(client, "n8n", name="On-call", url="https://n8n.example.com/webhook/alerts")
        assert only_channel().settings == {"url": "https://n8n.example.com/webhook/alerts"}


class TestDeleting:
    def test_asks_first_and_says_who_is_concerned(
        self,
        client: CheckedClient,
        user: User,
        make_channel: MakeChannel,
        make_heartbeat: MakeHeartbeat,
    ) -> None:
        channel = make_channel(user, name="Old chat")
        channels.choose_monitors(user, channel.id, [make_heartbeat(user).id])
        channels.send_test(user, channel.id)
        client.get(f"/channels/{channel.id}/delete")
        assert "Delete “Old chat”?" in client.text("h1")
        assert "1 monitor will no longer alert it." in client.text("main")
        response = client.submit()
        assert response.location == "/channels"
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Channel)) == 0
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 0


class TestAChannelsPage:
    @pytest.fixture
    def channel(self, user: User, make_channel: MakeChannel, receiver: Receiver) -> Channel:
        return make_channel(user, settings={"url": receiver.url, "method": "POST"})

    def test_a_test_message_and_its_result_appear_in_the_log(
        self, client: CheckedClient, channel: Channel, receiver: Receiver, settings: Settings
    ) -> None:
        client.get(f"/channels/{channel.id}")
        assert "Nothing sent yet" in client.text("#log")
        response = client.submit(f"/channels/{channel.id}/test")
        client.get(response.location)
        assert "on its way" in client.text(".messages")
        assert "Waiting Test message" in client.text("#log")
        delivery.run(settings)
        client.get(response.location)
        assert "Delivered Test message" in client.text("#log")
        assert "Accepted" in client.text(".attempts")
        assert receiver.calls[0].json["event"] == "test"

    def test_every_try_is_listed_with_the_reason_of_its_failure(
        self, client: CheckedClient, channel: Channel, receiver: Receiver, settings: Settings
    ) -> None:
        receiver.answer_with(Reply(500))
        facts = {"name": "<Nightly> backup", "occurred_at": NOW.isoformat()}
        with writing() as session:
            row = delivery_row(channel.id, "test", facts, NOW, monitor_id=None)
            session.execute(sa.insert(Delivery).values(row))
        delivery.run(settings)
        client.get(f"/channels/{channel.id}")
        assert "Trying again Test message: <Nightly> backup" in client.text("#log")
        assert "The receiver answered with status 500." in client.text(".attempts")
        assert "Next try" in client.text("#log")

    @pytest.mark.settings(alerts_per_minute=1)
    def test_what_went_as_a_digest_is_said_to_be_part_of_one(
        self, client: CheckedClient, channel: Channel, settings: Settings
    ) -> None:
        facts = {**FACTS, "name": "Job"}
        with writing() as session:
            rows = [delivery_row(channel.id, "down", facts, NOW, monitor_id=None)] * 2
            rows = [row | {"uid": f"uid-{number}"} for number, row in enumerate(rows)]
            session.execute(sa.insert(Delivery), rows)
        delivery.run(settings)
        client.get(f"/channels/{channel.id}")
        assert client.text("#log").count("Delivered Alert: Job") == 2
        assert client.text("#log").count("Part of a digest.") == 2

    @pytest.mark.parametrize(
        "message",
        [make_message(), make_service_message(), make_host_message(), make_host_message("relay")],
        ids=message_id,
    )
    def test_the_log_leads_to_the_monitor_of_whatever_kind(
        self,
        client: CheckedClient,
        user: User,
        channel: Channel,
        make_heartbeat: MakeHeartbeat,
        message: Message,
    ) -> None:
        monitor = make_heartbeat(user)
        with writing() as session:
            row = delivery_row(
                channel.id, message.event, dict(message.facts), NOW, monitor_id=monitor.id
            )
            session.execute(sa.insert(Delivery).values(row))
        client.get(f"/channels/{channel.id}")
        assert message.facts["name"] in client.text("#log .delivery a")
        assert client.page is not None
        assert client.page.query(f'#log a[href="/{message.facts["kind"]}s/{monitor.id}"]')

    def test_what_the_relay_was_answered_is_said(
        self, client: CheckedClient, channel: Channel
    ) -> None:
        with writing() as session:
            for code in (220, None):
                facts = dict(make_host_message("relay", code=code).facts)
                row = delivery_row(channel.id, "relay", facts, NOW, monitor_id=None)
                session.execute(sa.insert(Delivery).values(row))
        client.get(f"/channels/{channel.id}")
        assert "Relay: web-1 (220)" in client.text("#log")
        assert "Relay: web-1 (no answer)" in client.text("#log")

    def test_the_log_answers_nothing_new_until_something_changes(
        self, client: CheckedClient, user: User, channel: Channel, settings: Settings
    ) -> None:
        channels.send_test(user, channel.id)
        client.get(f"/channels/{channel.id}?fragment=log", headers=HTMX)
        assert client.page is not None
        url = client.page.query_one("#log").attrs["hx-get"]
        assert client.get(url, headers=HTMX).status_code == 204
        delivery.run(settings)
        assert client.get(url, headers=HTMX).status_code == 200
        assert "Delivered" in client.text("#log")

    def test_a_refusal_is_shown_with_its_reason(
        self, client: CheckedClient, user: User, make_channel: MakeChannel
    ) -> None:
        channel = make_channel(user, fault="Telegram refuses: bot was blocked.", fault_at=NOW)
        client.get(f"/channels/{channel.id}")
        assert "bot was blocked." in client.text("#log [role=alert]")

    @both_databases
    def test_a_long_log_has_pages(self, client: CheckedClient, channel: Channel) -> None:
        with writing() as session:
            for number in range(45):
                facts = {"name": f"Job {number:02}"}
                at = NOW + timedelta(seconds=number // 3)
                row = delivery_row(channel.id, "down", facts, at, monitor_id=None)
                session.execute(sa.insert(Delivery).values(row))
        seen, url = [], f"/channels/{channel.id}"
        while url:
            client.get(url)
            assert client.page is not None
            seen += [item.to_text() for item in client.page.query(".delivery-what")]
            older = client.page.query("a[rel=next]")
            url = older[0].attrs["href"] if older else ""
        assert len(seen) == 45
        assert [text.split("Job ")[1] for text in seen] == [f"{n:02}" for n in reversed(range(45))]

    @both_databases
    @pytest.mark.parametrize("before", ["x", "-1", "0", "999999999999999999999", "\0"])
    def test_an_odd_page_of_the_log_is_no_crash(
        self, client: CheckedClient, channel: Channel, before: str
    ) -> None:
        response = client.get(f"/channels/{channel.id}", query_string={"before": before})
        assert response.status_code in {200, 404}

    def test_the_monitors_that_use_it_can_be_chosen(
        self,
        client: CheckedClient,
        user: User,
        channel: Channel,
        make_heartbeat: MakeHeartbeat,
    ) -> None:
        ids = [make_heartbeat(user, name=name).id for name in ("A", "B", "C")]
        channels.choose_monitors(user, channel.id, ids[:2])
        client.get(f"/channels/{channel.id}")
        client.submit("monitors-form", {"monitors": ids[1:]})
        assert sorted(channels.monitor_ids(channel)) == ids[1:]
        client.get(f"/channels/{channel.id}")
        client.submit("monitors-form", {"monitors": None})
        assert channels.monitor_ids(channel) == []

    def test_processes_that_ended_are_not_offered_and_stay_as_they_were(
        self, client: CheckedClient, user: User, channel: Channel, make_process: MakeProcess
    ) -> None:
        over = make_process(user, name="Import of May", channels=[channel], ended_at=NOW)
        running = make_process(user, name="Import of June", channels=[channel])
        assert channels.monitor_ids(channel) == [running.id]
        page = client.get(f"/channels/{channel.id}")
        assert "Import of June" in page.text
        assert "Import of May" not in page.text
        client.submit("monitors-form", {"monitors": None})
        assert channels.monitor_ids(channel) == []
        db.session.refresh(over)
        assert over.channels == [channel]

    def test_a_monitor_of_another_team_cannot_be_chosen(
        self,
        client: CheckedClient,
        user: User,
        other_user: User,
        channel: Channel,
        make_heartbeat: MakeHeartbeat,
    ) -> None:
        make_heartbeat(user)
        foreign = make_heartbeat(other_user)
        client.get(f"/channels/{channel.id}")
        client.submit("monitors-form", {"monitors": [foreign.id]})
        assert channels.monitor_ids(channel) == []

    def test_a_kind_that_is_no_more_can_still_be_looked_at_and_deleted(
        self, client: CheckedClient, user: User, make_channel: MakeChannel
    ) -> None:
        channel = make_channel(user, "pigeon", name="Pigeons")
        assert client.get("/channels").status_code == 200
        assert client.get(f"/channels/{channel.id}").status_code == 200
        assert client.get(f"/channels/{channel.id}/edit").status_code == 404
        client.get(f"/channels/{channel.id}/delete")
        assert client.submit().status_code == 303


class TestWhatBelongsToAnother:
    @pytest.fixture
    def foreign(self, other_user: User, make_channel: MakeChannel) -> Channel:
        return make_channel(other_user, "telegram", name="Not yours")

    @pytest.mark.parametrize("page", ["", "/edit", "/delete"])
    def test_is_not_found(self, client: CheckedClient, foreign: Channel, page: str) -> None:
        assert client.get(f"/channels/{foreign.id}{page}").status_code == 404

    @pytest.mark.parametrize("action", ["edit", "delete", "test", "monitors"])
    def test_cannot_be_changed(self, client: CheckedClient, foreign: Channel, action: str) -> None:
        client.get("/channels/add/webhook")
        token = client.form("channel-form").query_one("input[name=csrf_token]").attrs["value"]
        response = client.post(f"/channels/{foreign.id}/{action}", data={"csrf_token": token})
        assert response.status_code == 404
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 0

    def test_is_not_listed(self, client: CheckedClient, foreign: Channel) -> None:
        client.get("/channels")
        assert "Not yours" not in client.text()

    def test_lends_no_token(self, client: CheckedClient, foreign: Channel) -> None:
        assert client.get(f"/channels/telegram/chats?channel={foreign.id}").status_code == 404

    @both_databases
    @pytest.mark.parametrize("id_", [0, 2**31, 10**30])
    def test_neither_is_what_cannot_exist(self, client: CheckedClient, id_: int) -> None:
        assert client.get(f"/channels/{id_}").status_code == 404


@pytest.mark.parametrize("path", ["/channels", "/channels/add/webhook", "/channels/telegram/chats"])
def test_nobody_sees_channels_without_logging_in(client: CheckedClient, path: str) -> None:
    client.delete_cookie("session")
    response = client.get(path)
    assert response.status_code == 303
    assert "/login" in response.location


class TestFindingTheChatId:
    @pytest.fixture(autouse=True)
    def telegram(self, receiver: Receiver, settings: Settings) -> Receiver:
        # Settings are frozen for the program; the receiver's port is known only now.
        object.__setattr__(settings, "telegram_api_url", receiver.url)
        return receiver

    CHATS = {
        "ok": True,
        "result": [
            {"message": {"chat": {"id": 42, "first_name": "Night <shift>", "type": "private"}}},
            {"message": {"chat": {"id": -1001, "title": "Operations", "type": "supergroup"}}},
        ],
    }

    def look(self, client: CheckedClient, token: str = TOKEN, query: str = "") -> None:
        client.get(f"/channels/telegram/chats{query}")
        client.submit("", {"bot_token": token})

    def test_the_chats_are_listed_each_with_a_way_to_use_it(
        self, client: CheckedClient, telegram: Receiver
    ) -> None:
        telegram.answer_with(Reply.json(self.CHATS))
        self.look(client)
        text = client.text("#chats")
        assert "Operations group -1001" in text
        assert "Night <shift> private chat 42" in text
        assert client.page is not None
        link = client.page.query('#chats a[href*="chat_id=-1001"]')[0]
        client.get(link.attrs["href"])
        assert client.form("channel-form").query_one("#chat_id").attrs["value"] == "-1001"

    def test_a_channels_own_token_is_used_when_none_is_typed(
        self, client: CheckedClient, user: User, make_channel: MakeChannel, telegram: Receiver
    ) -> None:
        telegram.answer_with(Reply.json(self.CHATS))
        channel = make_channel(user, "telegram", settings={"bot_token": TOKEN, "chat_id": "1"})
        self.look(client, "", f"?channel={channel.id}")
        assert telegram.calls[0].path == f"/bot{TOKEN}/getUpdates"
        assert "Operations" in client.text("#chats")

    def test_it_says_so_when_nobody_wrote(self, client: CheckedClient, telegram: Receiver) -> None:
        telegram.answer_with(Reply.json({"ok": True, "result": []}))
        self.look(client)
        assert "Nobody has written to this bot" in client.text("#chats")

    def test_it_says_so_when_there_is_no_token(self, client: CheckedClient) -> None:
        self.look(client, "")
        assert "There is no bot token" in client.text("#chats")

    def test_it_says_so_when_telegram_refuses(
        self, client: CheckedClient, telegram: Receiver
    ) -> None:
        telegram.answer_with(Reply.json({"ok": False, "error_code": 401}, 401))
        self.look(client)
        assert "Telegram does not know this bot token." in client.text("#chats")

    def test_a_script_gets_the_list_alone(self, client: CheckedClient, telegram: Receiver) -> None:
        telegram.answer_with(Reply.json(self.CHATS))
        client.get("/channels/add/telegram")
        token = client.form("channel-form").query_one("input[name=csrf_token]").attrs["value"]
        response = client.post(
            "/channels/telegram/chats?fragment=chats",
            data={"csrf_token": token, "bot_token": TOKEN},
            headers=HTMX,
        )
        assert "Operations" in response.text
        assert "<html" not in response.text


class TestThePreview:
    def test_the_form_shows_what_would_be_sent(self, client: CheckedClient) -> None:
        client.get("/channels/add/webhook")
        assert '"event": "down"' in client.text("#preview")
        assert '"event": "up"' in client.text("#preview")

    def test_kinds_without_a_choice_have_none(self, client: CheckedClient) -> None:
        client.get("/channels/add/telegram")
        assert client.page is not None
        assert not client.page.query("#preview")

    def test_the_stored_template_is_shown(
        self, client: CheckedClient, user: User, make_channel: MakeChannel
    ) -> None:
        settings = {"url": "https://e.com/", "method": "POST", "template": "discord"}
        channel = make_channel(user, settings=settings)
        client.get(f"/channels/{channel.id}/edit")
        assert "allowed_mentions" in client.text("#preview")

    def test_without_javascript_the_form_comes_back_as_it_was_filled_in(
        self, client: CheckedClient
    ) -> None:
        response = self.ask(client, template="pulsemon", name="On-call", url="https://e.com/")
        assert response.status_code == 200
        assert '"slug": "nightly-backup"' in client.text("#preview")
        assert client.page is not None
        (form,) = client.page.query("#channel-form")
        assert form.attrs["action"] == "/channels/add/webhook"
        client.submit("channel-form", {})
        assert (only_channel().name, only_channel().settings["template"]) == ("On-call", "pulsemon")

    def test_htmx_gets_the_preview_alone(self, client: CheckedClient) -> None:
        body = "{{ name }} is {{ status }}"
        response = self.ask(client, "?fragment=preview", HTMX, template="custom", body=body)
        assert "<html" not in response.text
        assert "Nightly backup is down" in response.text
        assert "text/plain" in response.text

    def test_it_is_in_the_language_and_time_zone_of_the_channel(
        self, client: CheckedClient, catalogs: None
    ) -> None:
        values = {"template": "slack", "locale": "pt_BR", "timezone": "America/Sao_Paulo"}
        response = self.ask(client, "?fragment=preview", HTMX, **values)
        assert "HEARTBEAT PERDIDO" in response.text
        assert "04:00:00" in response.text
        nonsense = {"locale": "tlh", "timezone": "Mars/X"}
        assert "MISSED" in self.ask(client, "?fragment=preview", HTMX, **nonsense).text

    def test_what_is_wrong_with_a_template_is_told_with_its_line(
        self, client: CheckedClient
    ) -> None:
        self.ask(client, template="custom", body="a\n{{ nam }}")
        assert "Line 2: There is no fact “nam”." in client.text("#preview [role=alert]")
        response = add(client, "webhook", url="https://e.com/", template="custom", body="{% if %}")
        assert response.status_code == 200
        assert "Line 1:" in client.text(".field-error")

    @both_databases
    @pytest.mark.parametrize("values", [{"template": "none"}, {"body": "\0"}, {"method": ""}, {}])
    def test_nonsense_is_no_crash(self, client: CheckedClient, values: dict[str, str]) -> None:
        assert self.ask(client, "?fragment=preview", HTMX, **values).status_code == 200

    def test_another_team_s_channel_is_not_found(
        self, client: CheckedClient, other_user: User, make_channel: MakeChannel
    ) -> None:
        channel = make_channel(other_user)
        assert self.ask(client, f"?channel={channel.id}").status_code == 404

    def ask(
        self,
        client: CheckedClient,
        query: str = "",
        headers: dict[str, str] | None = None,
        **values: str,
    ) -> Any:
        client.get("/channels/add/webhook")
        assert client.page is not None
        token = client.page.query_one("#channel-form input[name=csrf_token]").attrs["value"]
        filled = {"method": "POST", "csrf_token": token, **values}
        return client.post(f"/channels/preview/webhook{query}", data=filled, headers=headers)
