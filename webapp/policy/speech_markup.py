"""A small subset of SSML: voices, pace, pitch, pauses, emphasis and how words are read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from webapp.errors import InvalidRequest

SSML: Final = "ssml"
LONGEST_PAUSE_S: Final = 10.0
LEAST: Final = 0.5
MOST: Final = 2.0

_VALUE: Final = r"""(?:"[^"<]*+"|'[^'<]*+')"""
_TOKEN: Final = re.compile(rf"<(/?)([a-z-]++)((?:\s++[a-z:-]++\s*+=\s*+{_VALUE})*+)\s*+(/?)>|([^<]++)|(<)")
_ATTRIBUTE: Final = re.compile(r"([a-z:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ENTITY: Final = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_TIME: Final = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)(ms|s)")
_PERCENT: Final = re.compile(r"([+-]?)(\d{1,3}(?:\.\d{1,3})?)%")
_RATES: Final = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_PITCHES: Final = {"x-low": 0.7, "low": 0.85, "medium": 1.0, "default": 1.0, "high": 1.18, "x-high": 1.4}
_STRENGTHS: Final = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
# Pace and pitch of words that stand out, or stand back.
_EMPHASIS: Final = {
    "strong": (0.8, 1.15), "moderate": (0.88, 1.08), "none": (1.0, 1.0), "reduced": (1.12, 0.95),
}  # fmt: skip
_TAGS: Final = {
    "speak": {"version", "xmlns", "xml:lang"},
    "p": set[str](),
    "s": set[str](),
    "break": {"time", "strength"},
    "emphasis": {"level"},
    "prosody": {"rate", "pitch"},
    "voice": {"name"},
    "sub": {"alias"},
    "say-as": {"interpret-as"},
}


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """A part of a text in one voice and manner. `voice` is None for the text's own voice.

    `pause_s` is the silence that follows it, None for what its words ask for.
    """

    text: str
    voice: str | None = None
    speed: float = 1.0
    pitch: float = 1.0
    pause_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Manner:
    voice: str | None = None
    speed: float = 1.0
    pitch: float = 1.0
    alias: str | None = None
    is_spelled: bool = False


def spoken_parts(text: str, markup: str) -> tuple[SpokenPart, ...]:
    """Return the parts of a text; one, without markup. Raises InvalidRequest for what is not understood."""
    return _Reader().read(text) if markup == SSML else (SpokenPart(text),)


def plain_text(text: str, markup: str) -> str:
    """Return what a text says, without its markup."""
    return " ".join(part.text for part in spoken_parts(text, markup))


class _Reader:
    """Reads one text with markup."""

    def __init__(self) -> None:
        self._open: list[tuple[str, _Manner]] = []
        self._manner = _Manner()
        self._parts: list[SpokenPart] = []

    def read(self, text: str) -> tuple[SpokenPart, ...]:
        for match in _TOKEN.finditer(text):
            closing, name, attributes, is_empty, words, stray = match.groups()
            if stray:
                _refuse("a < that begins no element is written &lt;")
            elif words:
                self._speak(_decoded(words))
            elif closing:
                self._close(name)
            else:
                self._begin(name, _attributes(name, attributes))
                if is_empty or name == "break":
                    self._end(name)
        if self._open:
            _refuse(f"<{self._open[-1][0]}> is not closed")
        return tuple(self._parts)

    def _speak(self, words: str) -> None:
        manner = self._manner
        if manner.alias is not None:
            words = manner.alias
            # Once, however many pieces what it stands for has.
            self._manner = replace(manner, alias="")
        if manner.is_spelled:
            words = ", ".join(character for character in words if not character.isspace())
        if words.strip():
            self._parts.append(
                SpokenPart(words, manner.voice, _bounded(manner.speed), _bounded(manner.pitch))
            )

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name not in _TAGS:
            _refuse(f"<{name}> is not supported")
        self._open.append((name, self._manner))
        if name in ("p", "s"):
            self._pause(0.5 if name == "p" else 0.28)
        elif name == "break":
            self._pause(_break_s(attributes))
        else:
            self._manner = _changed(self._manner, name, attributes)

    def _close(self, name: str) -> None:
        if not self._open or self._open[-1][0] != name:
            _refuse(f"</{name}> closes nothing")
        self._end(name)
        if name in ("p", "s"):
            self._pause(0.5 if name == "p" else 0.28)

    def _end(self, _name: str) -> None:
        _, self._manner = self._open.pop()

    def _pause(self, pause_s: float) -> None:
        if self._parts:
            last = self._parts[-1]
            self._parts[-1] = replace(last, pause_s=max(pause_s, last.pause_s or 0))


def _changed(manner: _Manner, name: str, attributes: Mapping[str, str]) -> _Manner:
    """Return how the words in an element are said."""
    if name == "voice":
        return replace(manner, voice=attributes.get("name") or manner.voice)
    if name == "sub":
        return replace(manner, alias=_decoded(attributes.get("alias", "")) or None)
    if name == "say-as":
        kind = attributes.get("interpret-as", "")
        if kind not in ("characters", "spell-out"):
            _refuse("interpret-as must be characters or spell-out")
        return replace(manner, is_spelled=True)
    if name == "emphasis":
        level = attributes.get("level", "moderate")
        if level not in _EMPHASIS:
            _refuse(f"level must be one of: {', '.join(_EMPHASIS)}")
        speed, pitch = _EMPHASIS[level]
        return replace(manner, speed=manner.speed * speed, pitch=manner.pitch * pitch)
    if name == "prosody":
        speed = _factor(attributes.get("rate", "default"), _RATES, "rate")
        pitch = _factor(attributes.get("pitch", "default"), _PITCHES, "pitch")
        return replace(manner, speed=manner.speed * speed, pitch=manner.pitch * pitch)
    return manner


def _factor(value: str, names: Mapping[str, float], what: str) -> float:
    """Read `fast`, `120%` of the usual, or `+20%` more than that."""
    if value in names:
        return names[value]
    found = _PERCENT.fullmatch(value)
    if found is None:
        _refuse(f"{what} must be a percentage, or one of: {', '.join(names)}")
    share = float(found[2]) / 100
    factor = {"": share, "+": 1 + share, "-": 1 - share}[found[1]]
    if not LEAST <= factor <= MOST:
        _refuse(f"{what} must be from {LEAST:.0%} to {MOST:.0%}")
    return factor


def _break_s(attributes: Mapping[str, str]) -> float:
    if "time" not in attributes:
        strength = attributes.get("strength", "medium")
        if strength not in _STRENGTHS:
            _refuse(f"strength must be one of: {', '.join(_STRENGTHS)}")
        return _STRENGTHS[strength]
    found = _TIME.fullmatch(attributes["time"])
    pause_s = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else LONGEST_PAUSE_S + 1
    if pause_s > LONGEST_PAUSE_S:
        _refuse(f"time must be like 500ms or 1.5s, and {LONGEST_PAUSE_S:g}s at most")
    return pause_s


def _attributes(name: str, text: str) -> dict[str, str]:
    given = {found[1]: found[2] or found[3] or "" for found in _ATTRIBUTE.finditer(text)}
    for attribute in given:
        if name in _TAGS and attribute not in _TAGS[name]:
            _refuse(f"<{name}> has no {attribute}")
    return given


def _decoded(text: str) -> str:
    return "".join(_characters(text))


def _characters(text: str) -> Iterator[str]:
    start = 0
    for found in _ENTITY.finditer(text):
        yield text[start : found.start()]
        number = int(found[1]) if found[1] else int(found[2], 16) if found[2] else None
        if number is None:
            yield _ENTITIES[found[3]]
        elif number in range(0x20, 0xD800) or number in range(0xE000, 0x110000):
            yield chr(number)
        else:
            _refuse(f"{found[0]} is no character")
        start = found.end()
    yield text[start:]


def _bounded(factor: float) -> float:
    return min(MOST, max(LEAST, factor))


def _refuse(reason: str) -> NoReturn:
    raise InvalidRequest(f"Markup cannot be read: {reason}", field="text")
