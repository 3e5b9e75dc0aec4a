"""What webhooks send by each template, and what a template of one's own cannot do."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from sentinelweb import i18n
from sentinelweb.notifiers import custom_template, texts, webhook_bodies
from sentinelweb.notifiers.base import InvalidValueError, Message, PermanentError, SendContext
from sentinelweb.notifiers.custom_template import TemplateError
from sentinelweb.notifiers.webhook import CUSTOM_EXAMPLE, TEMPLATES, Webhook
from tests.support.messages import (
    EVERY_EVENT,
    make_digest,
    make_host_message,
    make_message,
    make_process_message,
    make_service_message,
    message_id,
)
from tests.support.receiver import Call, Receiver

LONG = "x & y <@everyone> " * 10_000


def sent(message: Message, receiver: Receiver, context: SendContext, **settings: str) -> Call:
    Webhook().send(message, {"url": f"{receiver.url}/hook", "method": "POST", **settings}, context)
    return receiver.calls[-1]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("message", EVERY_EVENT, ids=message_id)
@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_template_tells_every_event_as_json(
    receiver: Receiver, context: SendContext, template: str, message: Message, locale: str
) -> None:
    with i18n.reading_as(i18n.Reader(locale, "America/Sao_Paulo")):
        call = sent(message, receiver, context, template=template)
    assert call.headers["Content-Type"] == "application/json"
    assert isinstance(call.json, dict)
    assert call.headers["Idempotency-Key"] == message.uid


@pytest.mark.parametrize("template", [None, "", "of a later version"])
def test_a_channel_without_a_known_template_sends_what_it_always_sent(
    receiver: Receiver, context: SendContext, template: str | None
) -> None:
    settings = {} if template is None else {"template": template}
    assert sent(make_message(), receiver, context, **settings).json["event"] == "down"


class TestPulseMon:
    """Seed 001's body, written from its example."""

    MESSAGE = make_message(
        alias="backup-noite",
        name="Backup Noturno",
        occurred_at="2025-09-18T17:00:00+00:00",
        expected_period=900,
        grace_period=120,
        last_ping="2025-09-18T16:42:10.734+00:00",
    )
    BODY = {
        "slug": "backup-noite",
        "name": "Backup Noturno",
        "status": "DOWN",
        "occurred_at": "2025-09-18T17:00:00Z",
        "interval_seconds": 900,
        "grace_seconds": 120,
        "last_ping": "2025-09-18T16:42:10Z",
    }

    def test_down(self, receiver: Receiver, context: SendContext) -> None:
        assert sent(self.MESSAGE, receiver, context, template="pulsemon").json == self.BODY

    def test_up_tells_the_ping_that_ended_it(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        facts = {**self.MESSAGE.facts, "status": "up", "previous": "down", "note": "pinged"}
        message = replace(self.MESSAGE, event="up", facts=facts)
        assert sent(message, receiver, context, template="pulsemon").json == {
            **self.BODY,
            "status": "UP",
            "last_ping": "2025-09-18T17:00:00Z",
        }

    def test_a_heartbeat_without_an_alias_is_told_by_its_slug(self) -> None:
        assert webhook_bodies.pulsemon(make_message())["slug"] == "a1b2c3d4"

    @pytest.mark.parametrize(
        ("message", "last"),
        [
            (make_service_message(), None),
            (make_host_message(), "2026-01-08T07:58:00Z"),
            (make_process_message(), "2026-01-08T07:59:20Z"),
        ],
    )
    def test_other_monitors_have_no_interval(self, message: Message, last: str | None) -> None:
        body = webhook_bodies.pulsemon(message)
        assert set(body) == set(self.BODY)
        assert (body["status"], body["interval_seconds"], body["last_ping"]) == ("DOWN", None, last)

    def test_whatever_is_no_change_says_what_it_is(self) -> None:
        for event, status in (("flapping", "DOWN"), ("calm", "UP"), ("test", "UNKNOWN")):
            body = webhook_bodies.pulsemon(make_message(event))
            assert (body["event"], body["status"]) == (event, status)
        relay = webhook_bodies.pulsemon(make_host_message("relay"))
        assert (relay["event"], relay["previous_code"], relay["code"]) == ("relay", 200, 220)

    def test_a_digest_has_a_body_of_each(self) -> None:
        body = webhook_bodies.pulsemon(make_digest(self.MESSAGE, make_message("up")))
        assert body["events"][0] == self.BODY
        assert [event["status"] for event in body["events"]] == ["DOWN", "UP"]


class TestChats:
    @pytest.mark.parametrize(
        ("template", "field", "limit"),
        [("discord", "content", 2_000), ("slack", "text", 40_000), ("telegram", "text", 4_096)],
    )
    @pytest.mark.parametrize(
        "message",
        [
            make_message(description=LONG),
            make_message(description="&" * 100_000),
            make_message(description="🚨" * 100_000),
            make_digest(*[make_message(name="A & B " * 20)] * 500),
        ],
        ids=["long", "escaped", "wide", "digest"],
    )
    def test_nothing_is_longer_than_the_service_takes(
        self,
        receiver: Receiver,
        context: SendContext,
        template: str,
        field: str,
        limit: int,
        message: Message,
    ) -> None:
        text = sent(message, receiver, context, template=template).json[field]
        assert 0 < texts.length(text) <= limit

    def test_discord_mentions_nobody_and_opens_no_link(self) -> None:
        body = webhook_bodies.discord(make_message(name="@everyone"))
        assert body["allowed_mentions"] == {"parse": []}
        assert body["flags"] == 4
        assert body["content"].endswith("`https://sentinelweb.example.com/ping/a1b2c3d4`")

    def test_slack_reads_no_markup_in_a_name_and_opens_no_link(self) -> None:
        body = webhook_bodies.slack(make_message(name="<!channel> & co"))
        assert "&lt;!channel&gt; &amp; co" in body["text"]
        assert "<" not in body["text"]
        assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)

    def test_telegram_gets_plain_text_with_the_ping_url_as_code(self) -> None:
        body = webhook_bodies.telegram_message(make_message())
        [entity] = body["entities"]
        assert entity["type"] == "code"
        assert "parse_mode" not in body
        assert body["link_preview_options"] == {"is_disabled": True}


class TestCustom:
    def test_json_is_sent_as_json_and_the_rest_as_text(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        message = make_message(name='Say "hi"\n')
        call = sent(message, receiver, context, template="custom", body='{"n": {{ name | json }}}')
        assert call.json == {"n": 'Say "hi"\n'}
        assert call.headers["Content-Type"] == "application/json"
        call = sent(message, receiver, context, template="custom", body="{{ kind }}: {{ status }}")
        assert call.body == b"heartbeat: down"
        assert call.headers["Content-Type"] == "text/plain; charset=utf-8"

    def test_a_header_of_one_s_own_says_the_type(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        values = {"template": "custom", "body": "<a/>", "headers": "Content-Type: text/xml"}
        call = sent(make_message(), receiver, context, **values)
        assert call.headers["Content-Type"] == "text/xml"

    def test_without_a_text_the_example_is_sent(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        call = sent(make_message(), receiver, context, template="custom", body="")
        assert call.json == {"text": texts.text(make_message())}

    def test_conditions_and_loops(self) -> None:
        source = (
            "{% for item in events if item.event == 'down' %}{{ loop.index }} {{ item.name }}"
            "{{ ', ' if not loop.last }}"
            "{% else %}{{ (interval_seconds // 60) ~ ' min' }}{% endfor %}"
        )
        digest = make_digest(make_message(name="A"), make_message("up"), make_message(name="B"))
        assert rendered(source, digest) == "1 A, 2 B"
        assert rendered(source) == "1440 min"

    def test_what_there_is_not_is_empty(self) -> None:
        assert rendered("[{{ target }}{{ down_for }}{{ note | default('-') }}]") == "[missed]"
        assert rendered("{{ target | json }}") == "null"

    @pytest.mark.parametrize(
        ("source", "result"),
        [
            ("{{ name | upper }}", "NIGHTLY BACKUP"),
            ("{{ name | lower | title }}", "Nightly Backup"),
            ("{{ name | truncate(5) }}", "Nigh…"),
            ("{{ name | replace(' ', '-') }}", "Nightly-backup"),
            ("{{ name | urlencode }}", "Nightly%20backup"),
            ("{{ '<b>' | escape }}", "&lt;b&gt;"),
            ("{{ name[:3] ~ name | length }}", "Nig14"),
            ("{{ ['a', 'b'] | join('+') }}{{ (' x ' | trim) }}", "a+bx"),
            ("{{ (late_by / 3600) | round(1) }}", "2.0"),
            ("{{ ['a', 'b'] | first }}{{ ['a', 'b'] | last }}{{ '7' | int + 1 }}", "ab8"),
        ],
    )
    def test_filters(self, source: str, result: str) -> None:
        assert rendered(source) == result

    @pytest.mark.parametrize(
        ("source", "line"),
        [
            ("{{ ''.__class__.__mro__ }}", 1),
            ("\n{{ ''['__class__'] }}", 2),
            ("{{ name | attr('__class__') }}", 1),
            ("{{ name.upper() }}", 1),
            ("{{ name.format }}", 1),
            ("{{ ().__class__.__bases__[0].__subclasses__() }}", 1),
            ("{{ self }}", 1),
            ("{{ cycler.__init__.__globals__ }}", 1),
            ("{{ lipsum }}", 1),
            ("\n\n{{ nam }}", 3),
            ("{{ events[0].nam }}", 1),
            ("{{ name", 1),
            ("a\n{% if %}", 2),
            ("{% for i in range(10) %}{% endfor %}", 1),
            ("{{ 'a' * 1000000000 }}", 1),
            ("{{ 9 ** 9 ** 9 }}", 1),
            ("{{ '%01000000000d' % 1 }}", 1),
            ("{% set a = 1 %}", 1),
            ("{% macro a() %}{{ a() }}{% endmacro %}", 1),
            ("{% include '/etc/passwd' %}", 1),
            ("{% import 'os' as os %}", 1),
            ("{% for a in events recursive %}{% endfor %}", 1),
            ("{{ 1 / 0 }}", 1),
            ("{{ name | map }}", 1),
        ],
    )
    def test_what_is_not_allowed_is_told_with_its_line(self, source: str, line: int) -> None:
        with pytest.raises(TemplateError, match=f"^Line {line}: "):
            rendered(source)

    @pytest.mark.parametrize(
        "source",
        [
            "{% for a in text %}" * 3 + "{% endfor %}" * 3,
            "{% for a in text %}{% for b in text %}{{ text }}{% endfor %}{% endfor %}",
            "{{ text" + " | json" * 60 + " }}",
            "{{ text | replace('', text) | replace('a', text) | replace('e', text) }}",
            "{{ " + " ~ ".join(["text"] * 1_000) + " }}",
            "{{ [" + "text, " * 1_000 + "text] | join(text) }}",
            "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
            "{% if 1 %}" * 400 + "{% endif %}" * 400,
            "{{ " + "not " * 2_000 + "1 }}",
            "{{ " + "9" * 9_000 + " }}",
        ],
        ids=["loops", "output", "quotes", "replace", "concat", "join", "()", "if", "not", "number"],
    )
    def test_nothing_goes_on_without_end(self, source: str) -> None:
        message = make_message(description='a\\"e' * 3_000)
        began = time.thread_time()
        with pytest.raises(TemplateError):
            rendered(source, message)
        assert time.thread_time() - began < 5

    def test_facts_cannot_be_changed_by_a_template(self) -> None:
        facts = webhook_bodies.facts(make_digest(make_message()))
        for source in ("{{ events.append(1) }}", "{{ events.clear() }}"):
            with pytest.raises(TemplateError):
                custom_template.render(source, facts)

    def test_the_form_tries_every_event(self) -> None:
        body = next(field for field in Webhook.fields if field.name == "body")
        assert body.clean(CUSTOM_EXAMPLE, None) == CUSTOM_EXAMPLE
        with pytest.raises(InvalidValueError, match="Line 2: "):
            body.clean("{{ name }}\n{% if event == 'calm' %}{{ 1 / 0 }}{% endif %}", None)
        with pytest.raises(InvalidValueError, match="at most 10000"):
            body.clean("x" * 10_001, None)

    def test_an_error_while_sending_is_for_whoever_wrote_it(
        self, receiver: Receiver, context: SendContext
    ) -> None:
        with pytest.raises(PermanentError, match=r"cannot be filled in\. Line 1: "):
            sent(make_message(), receiver, context, template="custom", body="{{ nam }}")
        assert receiver.calls == []


def rendered(source: str, message: Message | None = None) -> str:
    return custom_template.render(source, webhook_bodies.facts(message or make_message()))


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_every_template_has_a_preview(template: str, method: str) -> None:
    down, up = Webhook().preview({"template": template, "method": method})
    assert (down.event, up.event) == ("down", "up")
    assert "Nightly backup" in down.content
    if method == "POST":
        json.loads(down.content)
