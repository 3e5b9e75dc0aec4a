"""The catalogs as they are in the work tree, and the English that is left in what people read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import polib
import wtforms

from sentinelweb import i18n

ROOT = Path(__file__).parents[2]
TRANSLATIONS = ROOT / "sentinelweb" / "translations"
LOCALES = [locale for locale in i18n.LOCALES if locale != i18n.DEFAULT_LOCALE]

PLACEHOLDER = re.compile(r"%\(\w+\)\w|%.")
_WTFORMS = Path(wtforms.__file__).parent / "locale" / "wtforms.pot"


def catalog(locale: str) -> polib.POFile:
    return polib.pofile(str(TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po"))


def pairs(entries: Iterable[polib.POEntry]) -> Iterator[tuple[str, str]]:
    """Each text with its translation; of a plural both forms."""
    for entry in entries:
        if entry.msgid_plural:
            yield entry.msgid, entry.msgstr_plural.get(0, "")
            yield entry.msgid_plural, entry.msgstr_plural.get(1, "")
        else:
            yield entry.msgid, entry.msgstr


def compile_catalogs(directory: Path) -> None:
    for locale in LOCALES:
        path = directory / locale / "LC_MESSAGES" / "messages.mo"
        path.parent.mkdir(parents=True)
        catalog(locale).save_as_mofile(str(path))


def english_in(texts: Iterable[str], locale: str) -> list[str]:
    """Those of `texts` that are English, though the catalog has another word for them."""
    english = _english(locale)
    normal = (" ".join(text.split()) for text in texts)
    return [text for text in normal if text and english.fullmatch(text)]


@cache
def _english(locale: str) -> re.Pattern[str]:
    texts = {text for text, translation in pairs(catalog(locale)) if text != translation}
    texts |= {text for text, _translation in pairs(polib.pofile(str(_WTFORMS)))}
    return re.compile("|".join(".+".join(map(re.escape, PLACEHOLDER.split(t))) for t in texts))
