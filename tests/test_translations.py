"""Every text for people is found in the code, and the catalogs hold all of them."""

from __future__ import annotations

import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.frontend import CommandLineInterface
from babel.messages.plurals import get_plural

from sentinelweb import i18n
from sentinelweb.i18n import Reader, reading_as
from sentinelweb.notifiers import texts
from sentinelweb.notifiers.base import Message
from tests.support import untranslated
from tests.support.catalogs import (
    LOCALES,
    PLACEHOLDER,
    ROOT,
    TRANSLATIONS,
    catalog,
    english_in,
    pairs,
)
from tests.support.messages import EVERY_EVENT, make_message

PACKAGE = ROOT / "sentinelweb"
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
# What these say is for operators and programs, or is put into words by others.
SILENT = {"agent", "api", "cli", "core", "runtime", "service_variables.py"}
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in SILENT
)
TAG = re.compile(r"</?\w[^>]*>")
ENDING = re.compile(r"[.:!?…]?$")


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


class TestTheCode:
    @pytest.mark.parametrize("path", TEMPLATES, ids=name)
    def test_a_template_says_nothing_past_gettext(self, path: Path) -> None:
        assert untranslated.in_template(path.read_text("utf-8")) == []

    @pytest.mark.parametrize("path", MODULES, ids=name)
    def test_a_module_says_nothing_past_gettext(self, path: Path) -> None:
        assert untranslated.in_module(path.read_text("utf-8")) == []

    @pytest.mark.parametrize(
        ("source", "found"),
        [
            ("<p>Bare {{ x }}</p>", ["Bare"]),
            ('<p>{{ _("Kept") }} {% trans %}too <b>so</b>{% endtrans %}</p>', []),
            ('<img alt="Bare">{# Comment #}<code>code</code>', ["Bare"]),
            ('<i title="{{ _("Kept") }}" class="no text" data-copied="Bare"></i>', ["Bare"]),
            ('{{ header("Bare", _("Kept"), "icon-name") }}', ["Bare"]),
            ("{% set code %}int main{% endset %}{% set x = 1 %}Bare", ["Bare"]),
        ],
    )
    def test_a_bare_word_of_a_template_is_noticed(self, source: str, found: list[str]) -> None:
        assert untranslated.in_template(source) == found

    @pytest.mark.parametrize(
        ("source", "count"),
        [
            ("flash('Bare words')", 1),
            ("flash(_('Kept'), 'success')", 0),
            ("raise InvalidInputError('email', f'Nobody is {email}')", 1),
            ("StringField('Bare', render_kw={'list': 'names', 'placeholder': 'Bare'})", 2),
            ("text = f'🚨 {_(\"Unseen\")}'", 1),
            ("_(text)", 1),
        ],
    )
    def test_a_bare_text_of_a_module_is_noticed(self, source: str, count: int) -> None:
        assert len(untranslated.in_module(source)) == count

    def test_the_catalogs_are_as_make_translations_leaves_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recipe = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
        commands = re.findall(r"^\t\$\(BIN\)/(pybabel .*)$", recipe, re.MULTILINE)
        assert len(commands) == 3
        there = tmp_path / "translations"
        shutil.copytree(TRANSLATIONS, there)
        monkeypatch.chdir(ROOT)
        for command in commands:
            here = command.replace("sentinelweb/translations", str(there))
            CommandLineInterface().run(shlex.split(here))
        for locale in LOCALES:
            path = Path(locale, "LC_MESSAGES", "messages.po")
            updated, committed = (
                (root / path).read_text("utf-8") for root in (there, TRANSLATIONS)
            )
            assert updated == committed, "`make translations` brings the catalogs up to date"


@pytest.mark.parametrize("locale", LOCALES)
class TestACatalog:
    def test_is_complete(self, locale: str) -> None:
        entries = catalog(locale)
        assert [entry.msgid for entry in entries.untranslated_entries()] == []
        assert [entry.msgid for entry in entries.fuzzy_entries()] == []
        assert [entry.msgid for entry in entries.obsolete_entries()] == []

    def test_keeps_the_placeholders_and_the_tags(self, locale: str) -> None:
        for text, translation in pairs(catalog(locale)):
            for pattern in (PLACEHOLDER, TAG):
                kept, given = (Counter(pattern.findall(t)) for t in (text, translation))
                assert kept == given, (text, translation)

    def test_ends_its_sentences_as_the_english_does(self, locale: str) -> None:
        for text, translation in pairs(catalog(locale)):
            endings = [ENDING.findall(t)[0] for t in (text, translation)]
            assert endings[0] == endings[1], (text, translation)
            assert translation == translation.strip()

    def test_opens_questions_and_exclamations_as_its_language_does(self, locale: str) -> None:
        for _text, translation in pairs(catalog(locale)):
            for opening, closing in ("¿?", "¡!"):
                wanted = translation.count(closing) if locale == "es" else 0
                assert translation.count(opening) == wanted, translation

    def test_has_the_plural_forms_of_its_language(self, locale: str) -> None:
        entries, plural = catalog(locale), get_plural(locale)
        assert entries.metadata["Plural-Forms"] == plural.plural_forms
        forms = [sorted(entry.msgstr_plural) for entry in entries if entry.msgid_plural]
        assert forms == [list(range(plural.num_plurals))] * len(forms)


@pytest.mark.usefixtures("catalogs")
class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("locale", "said"),
        [
            ("en", ["0 users", "1 user", "2 users"]),
            ("pt_BR", ["0 usuário", "1 usuário", "2 usuários"]),
            ("es", ["0 usuarios", "1 usuario", "2 usuarios"]),
        ],
    )
    def test_a_number_chooses_its_form(self, locale: str, said: list[str]) -> None:
        with reading_as(Reader(locale)):
            assert [i18n.ngettext("%(n)s user", "%(n)s users", n) for n in range(3)] == said

    @pytest.mark.parametrize("message", EVERY_EVENT, ids=lambda message: message.event)
    @pytest.mark.parametrize("locale", LOCALES)
    def test_no_english_is_left_in_a_message(self, locale: str, message: Message) -> None:
        with reading_as(Reader(locale)):
            lines = texts.text(message).splitlines()
        assert english_in((line.partition(" ")[2] for line in lines), locale) == []

    def test_the_alert_in_portuguese_is_the_one_of_the_seed(self) -> None:
        message = make_message(
            name="Backup Diário PostgreSQL",
            description="Backup completo às 3h da manhã",
            last_ping="2026-01-07T06:00:00+00:00",
        )
        with reading_as(Reader("pt_BR", "America/Sao_Paulo")):
            assert texts.text(message).splitlines() == [
                "🚨 HEARTBEAT PERDIDO",
                "",
                "⚠️ Tarefa: Backup Diário PostgreSQL",
                "📋 Descrição: Backup completo às 3h da manhã",
                # The seed's words; its server had one time zone, and its periods were hours.
                "⏰ Último ping: 07/01/2026 03:00:00 -03",
                "🕐 Atrasado há: 2h",
                "⚙️ Período esperado: 1d",
                "",
                "💡 Ação: Verifique se o cron job/script está rodando corretamente!",
                "🔗 URL do ping: https://sentinelweb.example.com/ping/a1b2c3d4",
            ]
