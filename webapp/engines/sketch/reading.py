"""Find the sounds that a prompt names, and the words that shape them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webapp.engines.sketch import vocabulary as words

_NEGATORS = frozenset({"no", "without", "minus", "not"})
_LIST_WORDS = frozenset({"or", "and", "nor"})
_NEGATION_REACH = 2
_MODIFIER_REACH = 3
_LONGEST_PHRASE = 4
_TABLES: dict[str, Mapping[str, object]] = {
    "genre": words.GENRE_WORDS,
    "instrument": words.INSTRUMENT_WORDS,
    "drum": words.DRUM_WORDS,
    "texture": words.TEXTURE_WORDS,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A sound that the prompt names: its kind, its phrase, which tokens it takes, whether it is unwanted."""

    kind: str
    phrase: str
    start: int
    end: int
    unwanted: bool


@dataclass(frozen=True, slots=True)
class Strength:
    """How much of a sound: ``intensity`` 0 to 1, a change of level in dB, whether it is far away."""

    intensity: float
    level_db: float
    distant: bool


def tokenise(folded: str) -> list[str]:
    """Words of a case-folded text; hyphens part words, "&" is "and"."""
    return re.findall(r"\w+", folded.replace("&", " and "))


def find_sources(tokens: Sequence[str]) -> list[Source]:
    """Sounds named in the prompt in their order, the longest phrase at each place, without overlaps."""
    found: list[Source] = []
    at = 0
    while at < len(tokens):
        source = _source_at(tokens, at, found[-1] if found else None)
        if source is not None:
            found.append(source)
        at = source.end if source else at + 1
    return found


def _source_at(tokens: Sequence[str], at: int, before: Source | None) -> Source | None:
    for length in range(min(_LONGEST_PHRASE, len(tokens) - at), 0, -1):
        phrase = " ".join(tokens[at : at + length])
        for kind, table in _TABLES.items():
            if phrase in table:
                return Source(kind, phrase, at, at + length, _is_unwanted(tokens, at, before))
    return None


def _is_unwanted(tokens: Sequence[str], at: int, before: Source | None) -> bool:
    """Whether "no" or "without" governs what stands at ``at``, directly or through "no drums or bass"."""
    if before is not None and before.unwanted and set(tokens[before.end : at]) <= _LIST_WORDS:
        return True
    floor = max(before.end if before else 0, at - _NEGATION_REACH)
    return bool(_NEGATORS & set(tokens[floor:at]))


def strength_of(tokens: Sequence[str], source: Source, sources: Sequence[Source]) -> Strength:
    """Read "soft", "heavy" or "distant" before a source, or "softly" right after it."""
    floor = max((other.end for other in sources if other.end <= source.start), default=0)
    before = tokens[max(floor, source.start - _MODIFIER_REACH) : source.start]
    adverbs = [token for token in tokens[source.end : source.end + 2] if token.endswith("ly")]
    intensity, level_db = 0.5, 0.0
    for token in (*before, *adverbs):
        change, change_db = words.INTENSITY_WORDS.get(token, (0.0, 0.0))
        intensity, level_db = intensity + change, level_db + change_db
    distant = bool(words.DISTANT_WORDS & set(before))
    return Strength(min(1.0, max(0.05, intensity)), max(-12.0, min(6.0, level_db)), distant)
