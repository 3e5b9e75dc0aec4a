"""Texts, times and numbers as each reader writes them, with or without a request."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from sentinelweb import i18n
from sentinelweb.i18n import Reader, reader, reading_as

MOMENT = datetime(2026, 1, 7, 20, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "locale"),
    [
        (["pt-BR", "en"], "pt_BR"),
        (["pt-PT"], "pt_BR"),
        (["pt"], "pt_BR"),
        (["de-DE", "es-MX", "en"], "es"),
        (["en-GB"], "en"),
        (["zh-Hant-TW"], "en"),
        (["*"], "en"),
        (["xx-nonsense", "", "-", "x" * 5_000, "\x00", "es"], "es"),
        ([], "en"),
    ],
)
def test_a_browser_gets_the_first_of_its_languages_that_there_is(
    wanted: list[str], locale: str
) -> None:
    assert i18n.best_locale(wanted) == locale


def test_a_block_is_written_for_its_reader_and_the_one_before_is_back_after_it() -> None:
    with reading_as(Reader("pt_BR", "America/Sao_Paulo")):
        with reading_as(Reader("es", "Europe/Madrid")):
            assert reader() == Reader("es", "Europe/Madrid")
        assert reader() == Reader("pt_BR", "America/Sao_Paulo")


def test_the_reader_before_is_back_even_after_an_error() -> None:
    before = reader()

    def fail() -> None:
        with reading_as(Reader("es")):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert reader() == before


def test_threads_do_not_mix_up_their_readers() -> None:
    seen: dict[str, str] = {}
    barrier = threading.Barrier(3)

    def write(locale: str) -> None:
        with reading_as(Reader(locale)):
            barrier.wait()
            seen[locale] = reader().locale

    threads = [threading.Thread(target=write, args=(locale,)) for locale in i18n.LOCALES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {locale: locale for locale in i18n.LOCALES}


@pytest.mark.parametrize(
    ("locale", "timezone", "parts"),
    [
        ("en", "UTC", ["Jan 7, 2026", "8:30:05", "PM", "UTC"]),
        ("pt_BR", "America/Sao_Paulo", ["07/01/2026 17:30:05 -03"]),
        ("es", "Europe/Madrid", ["7 ene 2026", "21:30:05", "CET"]),
    ],
)
def test_a_time_is_written_in_the_readers_zone_which_is_named(
    locale: str, timezone: str, parts: list[str]
) -> None:
    with reading_as(Reader(locale, timezone)):
        written = i18n.format_datetime(MOMENT)
    assert [part for part in parts if part not in written] == []


@pytest.mark.parametrize(
    ("locale", "number"), [("en", "12,345.5"), ("pt_BR", "12.345,5"), ("es", "12.345,5")]
)
def test_a_number_is_written_as_the_reader_does(locale: str, number: str) -> None:
    with reading_as(Reader(locale)):
        assert i18n.format_number(12_345.5) == number


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (12_399, "12,3 kB"), (5 * 10**15, "5.000 TB")],
)
def test_a_size_is_written_in_the_largest_unit_that_it_fills(size: int, text: str) -> None:
    with reading_as(Reader("pt_BR")):
        assert i18n.format_size(size) == text


def test_a_whole_percentage_is_not_cut_short_by_a_float() -> None:
    with reading_as(Reader("en")):
        assert [i18n.format_percent(n / 100) for n in range(101)] == [f"{n}%" for n in range(101)]


def test_a_percentage_is_never_rounded_up_to_a_whole_hundred() -> None:
    with reading_as(Reader("en")):
        assert i18n.format_percent(0.999_999) == "99.99%"
        assert i18n.format_percent(1) == "100%"


def test_a_text_without_a_translation_is_shown_as_it_is_with_its_values() -> None:
    with reading_as(Reader("es")):
        assert i18n.gettext("No such text: %(name)s", name="50 %") == "No such text: 50 %"
        assert i18n.ngettext("%(n)s ping", "%(n)s untold pings", 2) == "2 untold pings"


def test_a_text_made_at_import_is_translated_when_it_is_shown() -> None:
    label = i18n.lazy_gettext("No such label")
    assert str(label) == "No such label"


def test_every_zone_that_is_offered_exists() -> None:
    names = i18n.timezone_names()
    assert {"UTC", "America/Sao_Paulo", "Europe/Berlin"} <= set(names)
    assert list(names) == sorted(names)
