"""The documentation says what there is, all of it, and its examples work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask

from config import Settings
from sentinelweb import notifiers, probes
from sentinelweb.clock import now
from sentinelweb.notifiers.webhook import signature
from sentinelweb.runtime import procfile
from tools import write_reference

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = write_reference.pages()

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|src(?:set)?=\"([^\"]+)\""
)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    language: str
    text: str

    @property
    def name(self) -> str:
        first = next(iter(self.text.strip().splitlines()), "")
        return f"{self.page.stem}: {first[:40]}"


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(*languages: str) -> list[Block]:
    return [
        Block(page, language, text)
        for page in PAGES
        for language, text in _FENCE.findall(page.read_text("utf-8"))
        if language in languages
    ]


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def everything() -> str:
    return "\n".join(page.read_text("utf-8") for page in PAGES)


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text("utf-8")


each_page = pytest.mark.parametrize("page", PAGES, ids=page_id)


def each_block(*languages: str) -> pytest.MarkDecorator:
    found = blocks(*languages)
    assert found
    return pytest.mark.parametrize("block", found, ids=[block.name for block in found])


# What follows from the code


@each_page
def test_generated_parts_are_up_to_date(page: Path) -> None:
    content = page.read_text("utf-8")
    assert write_reference.rewritten(content) == content, "run make reference"


def test_every_setting_is_in_exactly_one_table() -> None:
    named = [
        name
        for kind, words in write_reference.regions(reference("settings"))
        if kind == "settings"
        for name in words
    ]
    assert sorted(named) == sorted(Settings.model_fields)


def test_every_setting_has_a_description() -> None:
    without = [name for name, field in Settings.model_fields.items() if not field.description]
    assert not without


def test_the_example_of_an_env_file_is_up_to_date() -> None:
    example = write_reference.ENV_EXAMPLE.read_text("utf-8")
    assert example == write_reference.env_example(), "run make reference"


def test_the_schema_of_exports_is_up_to_date() -> None:
    schema = write_reference.EXPORT_SCHEMA.read_text("utf-8")
    assert schema == write_reference.export_schema(), "run make reference"


def test_the_example_of_an_env_file_holds_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "env"
    lines = write_reference.env_example().splitlines()
    path.write_text(
        "\n".join(line.removeprefix("#") for line in lines if not line.startswith("# "))
    )
    assert Settings(_env_file=path) == Settings(_env_file=None)


def test_every_notifier_and_each_of_its_fields_is_described() -> None:
    page = reference("notifiers")
    for kind, notifier in notifiers.registered().items():
        assert f"## {notifier.label}" in page
        assert f"`{kind}`" in page
        for field in notifier.fields:
            assert f"| `{field.name}` |" in page


def test_every_probe_and_each_of_its_options_is_described() -> None:
    page = reference("probes")
    for kind, probe in probes.registered().items():
        assert f"## {probe.label}" in page
        assert f"`{kind}`" in page
        for option in probe.options:
            assert f"| `{option.name}` |" in page


def test_every_command_is_described() -> None:
    page = reference("commands")
    for name in write_reference.own_commands():
        assert f"### `flask {name}`" in page


def test_every_process_is_described() -> None:
    page, guide = reference("commands"), (DOCS / "guide" / "operating.md").read_text("utf-8")
    for name in procfile.load(ROOT / "Procfile"):
        assert f"| `{name}` |" in page
        assert f"`{name}`" in guide


def test_every_make_target_is_described() -> None:
    targets = write_reference.make_targets()
    assert "run" in targets
    for name in targets:
        assert f"| `make {name}` |" in reference("commands")


def test_every_public_address_is_described(app: Flask) -> None:
    """What is called without a login and without a browser."""
    page = reference("http")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in {
            "pings",
            "badges",
            "public_status",
            "health",
            "host_reports",
            "process_api",
            "pulsemon_api",
        }:
            beginning = rule.rule.partition("<")[0]
            assert f"`{beginning}" in page or f" {beginning}" in page, rule.rule


def test_only_make_targets_that_exist_are_named() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(_code_of(everything()))))
    assert named >= {"run", "test", "lint"}
    assert named <= set(write_reference.make_targets())


def test_only_commands_that_exist_are_named() -> None:
    known = {
        *write_reference.own_commands(),
        *(f"db {name}" for name in ("upgrade", "migrate", "check")),
    }
    for line in _code_of(everything()):
        for words in re.findall(r"\bflask ((?:[a-z][a-z-]*\b ?)+)", line):
            assert any(words.strip().startswith(name) for name in known), line


def test_only_settings_that_exist_are_named() -> None:
    """Words such as `SITE_URL`."""
    known = {name.upper() for name in Settings.model_fields}
    known |= {"APP_PORT", "ADMIN_SESSION_SECRET"}  # aliases
    known |= {"SERVICE_NAMES", "SERVICE_URL_", "SERVICE_HEADERS_"}  # of service_variables.py
    known |= {
        "TEST_POSTGRES_URL",
        "SENTINELWEB_REQUIRE_BROWSER",
        "EXIT_STATUS",
        "PING_URL",
        "DEMO_DIR",
        "MOCK_PORT",
    }  # of tests, systemd, examples and the demo
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", everything()))
    assert named <= known


def test_the_lines_of_the_log_that_are_explained_exist() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "sentinelweb").rglob("*.py"))
    logs = (DOCS / "guide" / "operating.md").read_text("utf-8").partition("## Logs")[2]
    names = re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.*?) \|", logs, re.MULTILINE)))
    assert "heartbeats_checked" in names
    assert [name for name in names if f'"{name}"' not in source] == []


def test_the_readme_names_the_two_commands_and_the_settings() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make run" in readme
    assert "make test" in readme
    assert "docs/reference/settings.md" in readme
    assert "LICENSE" in readme


# Links


@each_page
def test_links_resolve(page: Path) -> None:
    for target in _targets(page):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _hash, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in _anchors(file), f"{target}: there is no such heading"


def test_every_page_is_linked_from_the_index() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in _targets(index)}
    assert {page for page in DOCS.rglob("*.md") if page != index} <= linked


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target in _targets(page)}
    assert set((DOCS / "images").iterdir()) <= shown


@each_page
def test_pages_begin_with_one_title(page: Path) -> None:
    text = prose(page)
    assert text.startswith("# ")
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1


# Examples


@each_block("json")
def test_json_parses(block: Block) -> None:
    json.loads(block.text)


@each_block("python")
def test_python_compiles(block: Block) -> None:
    compile(block.text, block.name, "exec")


@each_block("bash")
def test_bash_parses(block: Block) -> None:
    run = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
@each_block("javascript")
def test_javascript_parses(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "example.mjs"
    path.write_text(block.text)
    run = subprocess.run(["node", "--check", path], text=True, capture_output=True)
    assert run.returncode == 0, run.stderr


BODY = b'{"event": "down", "text": "\xf0\x9f\x9a\xa8"}'
SECRET = "a signing secret, ç included"
OLD = now().replace(year=2020)


def example(language: str, beginning: str) -> str:
    (found,) = (block.text for block in blocks(language) if beginning in block.text)
    return found


def is_genuine_in_python(header: str, body: bytes, secret: str) -> bool:
    namespace: dict[str, Callable[[str, bytes, str], bool]] = {}
    exec(example("python", "def is_genuine"), namespace)
    return namespace["is_genuine"](header, body, secret)


def is_genuine_in_javascript(header: str, body: bytes, secret: str) -> bool:
    if shutil.which("node") is None:
        pytest.skip("there is no Node here")
    call = (
        f"isGenuine({json.dumps(header)}, Buffer.from('{body.hex()}', 'hex'), {json.dumps(secret)})"
    )
    program = f"{example('javascript', 'function isGenuine')}\nconsole.log({call});"
    command = ["node", "--input-type=module", "--eval", program]
    run = subprocess.run(command, text=True, capture_output=True, check=True)
    return {"true": True, "false": False}[run.stdout.strip()]


@pytest.mark.parametrize("is_genuine", [is_genuine_in_python, is_genuine_in_javascript])
def test_the_examples_tell_our_webhooks_from_others(
    is_genuine: Callable[[str, bytes, str], bool],
) -> None:
    header = signature(SECRET, now(), BODY)
    assert is_genuine(header, BODY, SECRET)
    assert not is_genuine(header, BODY + b" ", SECRET)
    assert not is_genuine(header, BODY, "another secret")
    assert not is_genuine(header[:-1] + ("0" if header[-1] != "0" else "1"), BODY, SECRET)
    assert not is_genuine(signature(SECRET, OLD, BODY), BODY, SECRET)
    assert not is_genuine("", BODY, SECRET)


def test_the_webhook_is_explained_field_by_field() -> None:
    page = reference("http")
    for block in blocks("json"):
        if block.page.name in {"channels.md", "http.md"} and '"event"' in block.text:
            for name in json.loads(block.text):
                assert f"`{name}`" in page, name


# Helpers


def _targets(page: Path) -> Iterator[str]:
    for groups in _LINK.findall(prose(page)):
        yield from filter(None, groups)


def _anchors(page: Path) -> set[str]:
    """The names that GitHub gives to headings."""
    found = set()
    for heading in _HEADING.findall(prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-"))
    return found


def _code_of(text: str) -> Iterator[str]:
    """What is written as code, line by line."""
    for language, content in _FENCE.findall(text):
        if language not in {"json", "mermaid"}:
            yield from content.splitlines()
    yield from re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
