"""Pages in another language: whatever they say is translated, down to the last word.

The language is made up: every letter of a text becomes its full-width form. So a word in plain letters is
either data of the page or a text that was forgotten.
"""

import dataclasses
import gettext
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from string import ascii_letters

import msgspec
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from tests.pages.test_templates import SAMPLES
from webapp.assets import asset_folder
from webapp.clock import ManualClock
from webapp.errors import SettingsError
from webapp.http.files.static import StaticFiles
from webapp.pages.frame import texts, words
from webapp.pages.frame.record_words import KIND_NAMES, SENTENCES
from webapp.pages.frame.rendering import Context, Renderer
from webapp.pages.frame.texts import Language, Texts, counted
from webapp.pages.queue.rows import REASONS, WORKER_STATES

NOW_MS = 1_700_000_000_000
# Placeholders, tags and entities stay as they are, and what stands in code.
KEPT = re.compile(r"(%\(\w+\)s|%%|\{\w*\}|<code>.*?</code>|<[^>]*>|&\w+;)", re.DOTALL)
WIDE = {ord(letter): ord(letter) + 0xFEE0 for letter in ascii_letters}
SPOKEN = {
    "alt", "aria-label", "data-confirm-no", "data-confirm-yes", "data-copied", "data-copied-then",
    "data-label", "data-many", "data-one", "data-setting", "hx-confirm", "placeholder", "title",
}  # fmt: skip
# Names, units of measure, formats of files, and what a prompt's examples and engines say.
SAME_EVERYWHERE = {
    "Soundloom", "API", "Hz", "LUFS", "dBTP", "WAV", "FLAC", "OGG", "MP", "sketch", "Sketch", "UTC", "piper",
    "AudioCraft", "eSpeak", "NG",
}  # fmt: skip


class Wide(gettext.NullTranslations):
    """Translates into full-width letters."""

    def gettext(self, message: str) -> str:
        parts = KEPT.split(message)
        return "".join(part if KEPT.fullmatch(part) else part.translate(WIDE) for part in parts)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.fixture
def wide() -> Iterator[None]:
    texts.use(Language("xx", Wide()))
    yield
    texts.use(Language())


class Listener(HTMLParser):
    """Notes the plain words of a page that people read or hear; code has its own."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("code", "pre", "script", "style")
        for name, value in attrs:
            if name in SPOKEN or (name == "content" and ("name", "description") in attrs):
                self.hear(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.hear(data)

    def hear(self, text: str) -> None:
        # Scripts fill in what stands in braces.
        self.words |= set(re.findall(r"[A-Za-z]{2,}", re.sub(r"\{\w+\}", "", text)))


def plain_words(value: object) -> Iterator[str]:
    """Yield the words of all data that a page was given."""
    if isinstance(value, str):
        yield from re.findall(r"[A-Za-z]+", value)
    elif isinstance(value, msgspec.Struct) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    ):
        for name in dir(value):
            if not name.startswith("_") and name not in ("template", "but", "url"):
                yield from plain_words(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in (*value.keys(), *value.values()):
            yield from plain_words(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from plain_words(item)


@pytest.fixture
def wide_renderer(wide: None) -> Renderer:
    assets = asset_folder()
    return Renderer(assets / "templates", StaticFiles(assets / "static"), ManualClock(NOW_MS))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_page_says_nothing_in_english(wide_renderer: Renderer, sample: Context) -> None:
    listener = Listener()
    html = wide_renderer.render(sample)
    listener.feed(html)
    given = {word.lower() for word in plain_words(sample)}
    said = {word for word in listener.words if word.lower() not in given}
    # A long text is cut in the middle of a word.
    cut = {word for word in said if any(whole.startswith(word.lower()) for whole in given)}
    assert said - cut - SAME_EVERYWHERE == set()
    assert '<html lang="en"' not in html


def test_a_forgotten_word_is_heard(wide_renderer: Renderer) -> None:
    listener = Listener()
    listener.feed('<p title="Read me">' + texts.translated("Hello") + " there</p>")
    assert listener.words == {"Read", "me", "there"}


@pytest.mark.usefixtures("wide")
def test_words_of_code_are_translated_when_they_are_read() -> None:
    said = [
        *(words.wait(seconds) for seconds in (None, 0.1, 5, 90, 5_000, 500_000)),
        *(words.ago(NOW_MS - passed * 1000, NOW_MS) for passed in (1, 30, 90, 4_000, 90_000, 200_000, 10**7)),
        *(words.seconds(length) for length in (2.5, 500)),
        *(words.size(number) for number in (0, 5_000, 5 * 10**6, 5 * 10**9)),
        words.until(None, NOW_MS), words.until(NOW_MS, NOW_MS), words.until(NOW_MS + 60_000, NOW_MS),
        words.exact(NOW_MS), words.browser(""), counted(2, "%(number)s job", "%(number)s jobs"),
    ]  # fmt: skip
    for mapping in (
        words.MODEL_NAMES, words.TIER_NAMES, words.STATUS_NAMES, words.MODEL_STATE_NAMES, words.LEDGER_KINDS,
        KIND_NAMES, SENTENCES, REASONS, WORKER_STATES,
    ):  # fmt: skip
        assert isinstance(mapping, Texts)
        said += mapping.values()
    assert [text for text in said if re.search("[A-Za-z]", text.replace("UTC", ""))] == []
    assert words.browser("Firefox/1 Windows") == "Firefox ｏｎ Windows"


def test_a_language_is_read_from_its_catalogues(tmp_path: Path) -> None:
    for domain, text in (("queue", "Warteschlange"), ("frame", "Spieler")):
        catalogue = Catalog(locale="de", domain=domain)
        catalogue.add("Queue" if domain == "queue" else "Player", text)
        catalogue.add(("%(number)s job", "%(number)s jobs"), ("%(number)s Auftrag", "%(number)s Aufträge"))
        path = tmp_path / f"de_AT/LC_MESSAGES/{domain}.mo"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as compiled:
            write_mo(compiled, catalogue)
    texts.use(texts.read_language("de_AT", tmp_path))
    try:
        assert [texts.translated(text) for text in ("Queue", "Player", "Library")] == [
            "Warteschlange", "Spieler", "Library",
        ]  # fmt: skip
        assert [counted(number, "%(number)s job", "%(number)s jobs") for number in (1, 2)] == [
            "1 Auftrag", "2 Aufträge",
        ]  # fmt: skip
        assert texts.language_tag() == "de-AT"
    finally:
        texts.use(Language())


def test_a_language_that_there_is_not_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SOUNDLOOM_LANGUAGE has a wrong value: 'fr'; there is en\."):
        texts.read_language("fr", tmp_path)


def test_without_a_language_texts_are_english() -> None:
    assert texts.language_tag() == "en"
    assert words.wait(90) == "2 min"
