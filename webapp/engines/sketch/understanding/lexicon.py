"""The words that sketch knows, read once from the data files."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from webapp.engines.sketch.understanding.words import canonical, is_plural_of, tokenise

_DATA: Final = Path(__file__).parent / "data"
ARTICLES: Final = frozenset({"a", "an", "the", "some"})
# What makes something sound. Everything else changes it, joins it or is passed over.
SOURCES: Final = frozenset({"sound", "subject", "alone", "place", "genre", "instrument", "drum", "kit"})
MUSICAL: Final = frozenset({"genre", "instrument", "drum", "kit"})
# "Popping" is no pop, and "organic" no organ: of these words only the plural is taken.
_UNINFLECTED: Final = frozenset({"genre", "instrument", "drum", "kit", "mode", "material", "era", "subject"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning of a phrase: its kind, its key in the table of that kind, and the phrase in the file.

    ``detail`` is what the kind adds: the subject of a verb, or the role of an instrument.
    """

    kind: str
    key: str
    phrase: tuple[str, ...]
    detail: str = ""

    def allows(self, words: Iterable[str]) -> bool:
        """Return whether the words as typed may be this phrase, given how its kind is inflected."""
        if self.kind not in _UNINFLECTED:
            return True
        if self.kind == "genre":
            # "Rocks" are stones, and "blue" is a colour.
            return tuple(words) == self.phrase
        return all(
            word == own or is_plural_of(word, own) for word, own in zip(words, self.phrase, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Mood:
    """A mood's effect on music: its energy from 0 to 1, and the modes that suit it."""

    energy: float
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Phrases by their canonical words, and the tables that are looked up by key."""

    entries: Mapping[tuple[str, ...], tuple[Entry, ...]]
    longest: int
    moods: Mapping[str, Mood]
    places: Mapping[str, tuple[tuple[str, float], ...]]
    usual: Mapping[str, str]
    """The sound that a subject makes when no verb tells."""
    owners: Mapping[str, str]
    """Who makes a sound; further verbs may be said of him."""
    made_of: Mapping[str, tuple[str, ...]]
    """The parts of a sound that is made of several."""


@cache
def lexicon() -> Lexicon:
    """Read the data files. They are part of the product, so a fault in them is a fault of the code."""
    effects, music, modifiers = (_read(name) for name in ("effects", "music", "modifiers"))
    collected: dict[tuple[str, ...], list[Entry]] = {}
    for entry in (*_effect_entries(effects), *_music_entries(music), *_modifier_entries(modifiers)):
        known = collected.setdefault(tuple(canonical(word) for word in entry.phrase), [])
        if entry not in known:
            known.append(entry)
    return Lexicon(
        entries={words: tuple(entries) for words, entries in collected.items()},
        longest=max(map(len, collected)),
        moods={
            key: Mood(value["energy"], tuple(value["modes"].split(", ")))
            for key, value in music["moods"].items()
        },
        places={name: tuple(map(_layer, listed.split(", "))) for name, listed in effects["places"].items()},
        usual={name: subject["usual"] for name, subject in effects["subjects"].items()},
        owners={
            sound: name
            for name, subject in reversed(effects["subjects"].items())
            for sound in subject["verbs"]
            if sound.startswith(name) or sound == subject["usual"]
        },
        made_of={name: tuple(parts.split(", ")) for name, parts in effects["made_of"].items()},
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_DATA / f"{name}.toml").read_text(encoding="utf-8"))


def _phrases(listed: str) -> Iterator[tuple[str, ...]]:
    for phrase in listed.replace("\n", " ").split(","):
        words = tuple(token.folded for token in tokenise(phrase) if token.folded not in ARTICLES)
        if words:
            yield words


def _entries(kind: str, table: Mapping[str, str]) -> Iterator[Entry]:
    for key, listed in table.items():
        for phrase in _phrases(listed):
            yield Entry(kind, key, phrase)


def _effect_entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    yield from _entries("sound", data["sounds"])
    yield from _entries("alone", data["alone"])
    for name, subject in data["subjects"].items():
        for phrase in _phrases(subject["nouns"]):
            yield Entry("subject", name, phrase)
        for sound, verbs in subject["verbs"].items():
            for phrase in _phrases(verbs):
                yield Entry("verb", sound, phrase, name)
    for place in data["places"]:
        for phrase in _phrases(place):
            yield Entry("place", place, phrase)


def _music_entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    yield from _entries("genre", data["genres"])
    for key, instrument in data["instruments"].items():
        for phrase in _phrases(instrument["words"]):
            yield Entry("instrument", key, phrase, instrument["role"])
    for kind, table in (
        ("drum", "drums"),
        ("kit", "kits"),
        ("tempo", "tempo"),
        ("mode", "modes"),
        ("era", "eras"),
        ("reverb", "space"),
        ("articulation", "articulation"),
        ("role", "roles"),
    ):
        yield from _entries(kind, data[table])
    yield from _entries("mood", {key: value["words"] for key, value in data["moods"].items()})
    yield from _entries("cue", {"music": data["cues"]["words"]})


def _modifier_entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    for kind in ("intensity", "size", "speed", "density", "distance", "material", "space", "fade", "count"):
        yield from _entries(kind, data[kind])
    yield from _entries("connective", data["connectives"])
    yield from _entries("ignored", {"": data["ignored"]["words"]})
    for word in ("solo", "unaccompanied", "alone", "only", "just"):
        yield Entry("solo", "solo", (word,))
    for word in ("silence", "pause"):
        yield Entry("silence", "silence", (word,))


def _layer(text: str) -> tuple[str, float]:
    sound, _, level_db = text.partition(":")
    return sound, float(level_db or 0.0)
