"""`make reference`: write the parts of the documentation that follow from the code.

They stand between markers, here as a table of two settings:

    <!-- generated: settings port app_host -->
    <!-- /generated -->

`.env.example` and `export-schema.json` are written whole. With `--check` nothing is written, and
the status is 1 if a file is out of date.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import textwrap
import tomllib
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click
from flask import Flask

from config import Settings
from sentinelweb import create_app, notifiers, probes
from sentinelweb.api import openapi
from sentinelweb.core import export_document
from sentinelweb.core.durations import parse_duration
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.core.status import Status
from sentinelweb.forms.heartbeats import PRESETS
from sentinelweb.models import HeartbeatCheck, Host, Service
from sentinelweb.notifiers import n8n, texts, webhook, webhook_bodies
from sentinelweb.notifiers.base import Field, Message
from sentinelweb.probes.base import Option
from sentinelweb.runtime import procfile
from sentinelweb.services.facts import heartbeat_facts, host_facts, service_facts

ROOT = Path(__file__).resolve().parent.parent
ENV_EXAMPLE = ROOT / ".env.example"
EXPORT_SCHEMA = ROOT / "docs" / "reference" / "export-schema.json"

_REGION = re.compile(
    r"(?P<head><!-- generated: (?P<kind>[a-z0-9]+)(?P<words>[^>]*?) -->\n)"
    r".*?(?P<foot><!-- /generated -->)",
    re.DOTALL,
)
_TARGET = re.compile(r"^([a-z-]+):[^#\n]*## (.+)$", re.MULTILINE)

_SERVICES_EXAMPLE = """\
# Services to look at, by their names, and headers for those that need some.
# docs/guide/services.md says more.
#SERVICE_NAMES=shop,proxy
#SERVICE_URL_shop=https://shop.example.com/health
#SERVICE_HEADERS_shop="x-health-check:true,Authorization:Bearer my-token"
#SERVICE_URL_proxy=docker:my-proxy
"""

SITE = "https://sentinelweb.example.com"
LAST_PING = datetime(2026, 1, 7, 3, 0, tzinfo=UTC)


def pages() -> list[Path]:
    """Every page that people read, README.md included."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in found if path.is_file())


def rewritten(page: str) -> str:
    """`page` with its generated parts as they should be; raise KeyError for an unknown kind."""

    def write(match: re.Match[str]) -> str:
        content = _KINDS[match["kind"]](match["words"].split())
        return f"{match['head']}\n{content.strip()}\n\n{match['foot']}"

    return _REGION.sub(write, page)


def regions(page: str) -> Iterator[tuple[str, list[str]]]:
    """The kind and the words of each generated part of `page`."""
    for match in _REGION.finditer(page):
        yield match["kind"], match["words"].split()


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def settings_table(names: list[str]) -> str:
    rows = []
    for name in names:
        field = Settings.model_fields[name]
        default = "unset" if field.default is None else f"`{field.default}`"
        values = _values(field.annotation, field.metadata)
        rows.append([f"`{name.upper()}`", default, values, field.description or ""])
    return table(["Setting", "Default", "Values", "Meaning"], rows)


def _values(annotation: Any, metadata: list[Any]) -> str:
    """What a setting may be, in a few words."""
    kinds = [item for item in _alternatives(annotation) if item is not type(None)]
    if get_origin(kinds[0]) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kinds[0]))
    if kinds == [bool]:
        return "`true`, `false`"
    if kinds == [int]:
        limits = {name: getattr(item, name) for item in metadata for name in ("ge", "le")
                  if hasattr(item, name)}  # fmt: skip
        return f"{limits['ge']:,} to {limits['le']:,}"
    return "a path" if kinds == [Path] else "text"


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in {types.UnionType, Union}
    return get_args(annotation) if is_union else (annotation,)


def notifier_sections(_words: list[str]) -> str:
    parts = []
    for kind, notifier in sorted(notifiers.registered().items()):
        rows = [
            [f"`{field.name}`", str(field.label), _needed(field), _explained(field)]
            for field in notifier.fields
        ]
        parts += [
            f"## {notifier.label}",
            f"{notifier.summary}. Its kind is `{kind}`.",
            table(["Field", "Label", "Required", "Meaning"], rows),
        ]
    return "\n\n".join(parts)


def _needed(field: Field) -> str:
    if field.required and field.fallback:
        return f"unless `{field.fallback.upper()}` is set"
    return "yes" if field.required and not field.default else "no"


def _explained(field: Field) -> str:
    parts = [str(field.help)] if field.help else []
    if field.choices:
        parts.append("One of " + ", ".join(f"`{choice}`" for choice in field.choices) + ".")
    if field.default:
        parts.append(f"`{field.default}` when empty.")
    if field.placeholder:
        parts.append(f"Example: `{field.placeholder}`.")
    if field.secret:
        parts.append("Never shown again.")
    return " ".join(parts)


def probe_sections(_words: list[str]) -> str:
    parts = []
    for kind, probe in probes.registered().items():
        schemes = ", ".join(f"`{scheme}:`" for scheme in probe.schemes)
        who = " Only administrators may add one." if probe.admin_only else ""
        parts += [
            f"## {probe.label}",
            f"{probe.summary}. Its kind is `{kind}`, its scheme {schemes}.{who}",
            f"```text\n{probe.example}\n```",
        ]
        rows = [
            [f"`{option.name}`", str(option.label), _option_explained(option)]
            for option in probe.options
        ]
        if rows:
            parts.append(table(["Option", "Label", "Meaning"], rows))
    return "\n\n".join(parts)


def _option_explained(option: Option) -> str:
    parts = [str(option.help)] if option.help else []
    if option.choices:
        parts.append("One of " + ", ".join(f"`{choice}`" for choice in option.choices) + ".")
    if option.kind == "number":
        parts.append(f"{option.lowest:,} to {option.highest:,}.")
    if option.kind == "flag":
        parts.append(f"`{option.default or 'false'}` unless chosen otherwise.")
    elif option.default:
        parts.append(f"`{option.default}` when empty.")
    if option.placeholder:
        parts.append(f"Example: `{option.placeholder}`.")
    if option.secret:
        parts.append("Never shown again.")
    return " ".join(parts)


@functools.cache
def documented_app() -> Flask:
    settings = Settings(
        _env_file=None,
        secret_key="the key of the documents",  # noqa: S106 - signs nothing
        database_url="sqlite://",
    )
    return create_app(settings)


def own_commands() -> dict[str, click.Command]:
    """The `flask` commands of this program by their whole name; not those of Flask's own."""
    return dict(sorted(_leaves("", documented_app().cli)))


def operations_table(_words: list[str]) -> str:
    """What there is under `/api/v1`."""
    rows = [
        [f"`{method}`", f"`{openapi.path_of(rule)}`", operation.summary]
        for rule, method, operation in openapi.described(documented_app())
        if rule.rule.startswith("/api/v1/")
    ]
    return table(["Method", "Path", "Meaning"], rows)


def _leaves(prefix: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(f"{prefix}{name} ", command)
        elif command.callback and command.callback.__module__.startswith("sentinelweb."):
            yield f"{prefix}{name}", command


def command_sections(_words: list[str]) -> str:
    parts = []
    for name, command in own_commands().items():
        context = click.Context(command, info_name=f"flask {name}")
        parts += [f"### `flask {name}`", command.help or ""]
        rows = [
            [f"`{record[0]}`", record[1]]
            for parameter in command.params
            if isinstance(parameter, click.Option)
            if (record := parameter.get_help_record(context))
        ]
        usage = " ".join(["flask", name, *command.collect_usage_pieces(context)])
        parts.append(f"```text\n{usage if rows else usage.replace(' [OPTIONS]', '')}\n```")
        if rows:
            parts.append(table(["Option", "Meaning"], rows))
    return "\n\n".join(parts)


def process_table(_words: list[str]) -> str:
    commands = procfile.load(ROOT / "Procfile")
    return table(
        ["Process", "Command"],
        [[f"`{name}`", f"`{command}`"] for name, command in commands.items()],
    )


def make_targets() -> dict[str, str]:
    """The targets that have a description, of the Makefile and of what it includes."""
    files = [ROOT / "Makefile", *ROOT.glob("benchmarks/*.mk")]
    return dict(sorted(_TARGET.findall("\n".join(path.read_text("utf-8") for path in files))))


def target_table(_words: list[str]) -> str:
    return table(
        ["Command", "What it does"],
        [[f"`make {name}`", text] for name, text in make_targets().items()],
    )


def layers(_words: list[str]) -> str:
    """The layers that import-linter keeps, the uppermost first."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    contract = next(item for item in tools["importlinter"]["contracts"] if item["type"] == "layers")
    lines = "\n".join(contract["layers"]).replace("sentinelweb.", "").replace(" : ", " | ")
    return f"```text\n{lines}\n```"


def period_table(_words: list[str]) -> str:
    rows = [
        [str(label), f"`{period}` ({parse_duration(period)} s)", f"`{grace}`"]
        for label, period, grace in PRESETS
    ]
    return table(["The job runs every", "Period", "Grace"], rows)


def payload_example(words: list[str]) -> str:
    body = json.dumps(webhook.payload(_message(*words)), indent=2, ensure_ascii=False)
    return f"```json\n{body}\n```"


def body_example(words: list[str]) -> str:
    template, *message = words
    body = json.dumps(
        webhook_bodies.BODIES[template](_message(*message)), indent=2, ensure_ascii=False
    )
    return f"```json\n{body}\n```"


def n8n_example(words: list[str]) -> str:
    body = json.dumps(n8n.payload(_message(*words)), indent=2, ensure_ascii=False)
    return f"```json\n{body}\n```"


def text_example(words: list[str]) -> str:
    return f"```text\n{texts.text(_message(*words))}\n```"


def _message(event: str, kind: str = "heartbeat") -> Message:
    """A message of `event` about a monitor of `kind`, as it would be sent."""
    uid = "6a1f0e9c-3d3b-4f0a-9b39-2f6f5d0c7e11"
    if event == "test":
        facts = {"channel": "On-call", "occurred_at": LAST_PING.isoformat()}
        return Message(uid, event, facts, SITE)
    if event == "digest":
        other = "0d5b8a52-7c53-4a8e-8a33-6c1a1f2c9d20"
        parts = Message(other, "down", _facts("down"), SITE), Message(uid, "up", _facts("up"), SITE)
        return Message("b8e7c0de-54a8-5f0b-8a55-9d3a5b7f4c32", event, {}, SITE, parts=parts)
    facts = {"heartbeat": _facts, "service": _service_facts, "host": _host_facts}[kind](event)
    return Message(uid, event, facts, SITE)


def _service_facts(event: str) -> dict[str, Any]:
    since = LAST_PING + timedelta(seconds=40)
    service = Service(
        id=8,
        slug="T5mXnQ2vRk7cJ1aY8dLwZg",
        name="Shop",
        description="What customers see",
        status=Status.UP,
        status_since=LAST_PING,
        target="https://shop.example.com/health",
    )
    if event == "down":
        found = ProbeResult(Result.ERROR, latency_ms=12.5, status_code=500, reason="HTTP 500")
        return service_facts(service, Status.DOWN, since, found, failures=4)
    service.status, service.status_since = Status.DOWN, since
    found = ProbeResult(Result.HEALTHY, latency_ms=34.6, status_code=200)
    return service_facts(service, Status.UP, since + timedelta(minutes=7), found, failures=0)


def _host_facts(event: str) -> dict[str, Any]:
    since = LAST_PING + timedelta(minutes=1)
    host = Host(
        id=9,
        slug="b8Qe0pLr6tUuHc3nVw2KfA",
        name="web-1",
        description="",
        status=Status.UP,
        status_since=LAST_PING,
        last_report_at=LAST_PING,
    )
    if event == "down":
        return host_facts(host, Status.DOWN, since, note="silent")
    host.status, host.status_since = Status.DOWN, since
    facts = host_facts(host, Status.UP, since + timedelta(minutes=3), note="answered")
    return (
        facts | {"previous_code": 200, "code": 220, "note": "relay"} if event == "relay" else facts
    )


def _facts(event: str) -> dict[str, Any]:
    down_at = LAST_PING + timedelta(hours=25, seconds=1)
    heartbeat = HeartbeatCheck(
        id=7,
        slug="0sIcQs5cTNm2wJ9s6kQxXw",
        alias="nightly-backup",
        name="Nightly backup",
        description="Dumps the database. Log: /var/log/backup.log",
        status=Status.LATE,
        status_since=LAST_PING + timedelta(hours=24),
        expected_period=86_400,
        grace_period=3_600,
        last_ping=LAST_PING,
        next_expected_ping=LAST_PING + timedelta(hours=24),
    )
    if event == "down":
        return heartbeat_facts(heartbeat, Status.DOWN, down_at, note="missed")
    heartbeat.status, heartbeat.status_since = Status.DOWN, down_at
    facts = heartbeat_facts(heartbeat, Status.UP, down_at + timedelta(minutes=42), note="pinged")
    return facts | {"changes": 7, "window": 900} if event == "flapping" else facts


def export_schema() -> str:
    """The JSON schema of what a team is exported as."""
    return json.dumps(export_document.schema(), indent=1) + "\n"


def env_example() -> str:
    """`.env.example`: every setting with its default, as a comment."""
    parts = [
        (
            "# Copy this file to .env, and take the # away before what you change.\n"
            "# docs/reference/settings.md says more. The values here are the defaults.\n"
        )
    ]
    for name, field in Settings.model_fields.items():
        text = "\n".join(textwrap.wrap((field.description or "").replace("`", ""), 98))
        value = "" if field.default is None else str(field.default)
        quoted = f'"{value}"' if " " in value else value
        parts.append(textwrap.indent(text, "# ") + f"\n#{name.upper()}={quoted}\n")
    return "\n".join([*parts, _SERVICES_EXAMPLE])


_KINDS: dict[str, Callable[[list[str]], str]] = {
    "settings": settings_table,
    "notifiers": notifier_sections,
    "probes": probe_sections,
    "commands": command_sections,
    "processes": process_table,
    "targets": target_table,
    "layers": layers,
    "operations": operations_table,
    "periods": period_table,
    "payload": payload_example,
    "body": body_example,
    "n8n": n8n_example,
    "text": text_example,
}


def main() -> int:
    wanted = {path: rewritten(path.read_text("utf-8")) for path in pages()}
    wanted[ENV_EXAMPLE] = env_example()
    wanted[EXPORT_SCHEMA] = export_schema()
    outdated = [
        path
        for path, content in wanted.items()
        if not path.exists() or path.read_text("utf-8") != content
    ]
    for path in outdated:
        print(path.relative_to(ROOT))
        if "--check" not in sys.argv[1:]:
            path.write_text(wanted[path], "utf-8")
    return 1 if outdated and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
