"""Find the phrases of the lexicon in a prompt: the longest at each place, without overlaps."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from webapp.engines.sketch.understanding.lexicon import ARTICLES, MUSICAL, SOURCES, Entry, Lexicon
from webapp.engines.sketch.understanding.words import Token, canonical

# Marks that part clauses.
BREAKS = frozenset(",;.:!?()[]/|+–—-\n")
_INSIDE = frozenset({"in", "inside", "at", "within"})
_ON = frozenset({"on", "over", "upon", "of", "against", "onto", "through", "into"})


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase that was found: its tokens from ``start`` to before ``end``, and all that it may mean."""

    start: int
    end: int
    entries: tuple[Entry, ...]
    before: str = ""
    """The word before it, articles left out."""

    def find(self, *kinds: str) -> Entry | None:
        """The first meaning of one of these kinds."""
        return next((entry for entry in self.entries if entry.kind in kinds), None)

    def has(self, *kinds: str) -> bool:
        return self.find(*kinds) is not None


def find_matches(tokens: Sequence[Token], words: Lexicon) -> list[Match]:
    """Scan from left to right. Articles do not count, so that "knock on a door" is "knock on the door"."""
    content = [index for index, token in enumerate(tokens) if token.folded not in ARTICLES]
    matches: list[Match] = []
    at = 0
    while at < len(content):
        match = _match_at(tokens, content, at, words)
        if match is None:
            at += 1
            continue
        matches.append(match)
        while at < len(content) and content[at] < match.end:
            at += 1
    return matches


def _match_at(tokens: Sequence[Token], content: Sequence[int], at: int, words: Lexicon) -> Match | None:
    for length in range(min(words.longest, len(content) - at), 0, -1):
        places = content[at : at + length]
        typed = [tokens[place].folded for place in places]
        found = words.entries.get(tuple(map(canonical, typed)), ())
        entries = tuple(entry for entry in found if entry.allows(typed))
        if entries:
            before = tokens[content[at - 1]].folded if at else ""
            # What was typed letter for letter comes first: "horns" are a section, and a "horn" is one.
            exact_first = sorted(entries, key=lambda entry: entry.phrase != tuple(typed))
            return Match(places[0], places[-1] + 1, tuple(exact_first), before)
    return None


def is_musical(matches: Collection[Match], model: str) -> bool:
    """Return whether the prompt as a whole speaks of music, which decides what "horn" or "metal" means."""
    certain = [match for match in matches if match.has(*MUSICAL, "cue", "mode") and not _may_be_sound(match)]
    if certain:
        return True
    sounds = [match for match in matches if _may_be_sound(match)]
    return model != "audio" and not any(not match.has(*MUSICAL) for match in sounds)


def without_purposes(tokens: Sequence[Token], matches: Sequence[Match]) -> list[Match]:
    """Leave out what music is for: a lullaby for a baby does not cry, music for a film does not whirr."""
    kept: list[Match] = []
    at, is_purpose, has_music = 0, False, False
    for match in matches:
        for token in tokens[at : match.end]:
            if token.folded in BREAKS:
                is_purpose = False
            elif token.folded == "for" and has_music:
                is_purpose = True
        at = match.end
        if match.has("connective"):
            is_purpose = False
        if is_purpose and _may_be_sound(match) and not match.has(*MUSICAL):
            continue
        has_music = has_music or match.has(*MUSICAL, "cue")
        kept.append(match)
    return kept


def source_of(
    match: Match, following: Match | None, previous: Match | None = None, *, musical: bool
) -> Entry | None:
    """The source that a match names; None when here it only says how, where or on what."""
    adjacent = following if following is not None and following.start == match.end else None
    follows = previous is not None and previous.end == match.start and previous.has("sound", "subject")
    if follows and match.has("ignored") and not match.has(*MUSICAL):
        # "A plane flies": no insect.
        return None
    if match.has("place") and adjacent is not None and adjacent.has("cue"):
        # "Battle music" has no guns.
        return None
    if not musical and match.has("genre") and adjacent is not None and adjacent.has("sound", "subject"):
        # "A cinematic riser".
        return None
    musical_ones = match.find(*MUSICAL)
    others = match.find("subject") or match.find(*SOURCES - MUSICAL)
    if others is None and not match.has("ignored", "material"):
        others = match.find("verb")
    source = (musical_ones or others) if musical else (others or musical_ones)
    if source is None or _is_place(match, previous) or _is_material(match, following):
        return None
    if source.kind in MUSICAL and not musical and match.has("ignored", "intensity", "speed"):
        return None
    return source


def _may_be_sound(match: Match) -> bool:
    return match.has("sound", "subject", "place", "material", "space", "alone")


def _is_place(match: Match, previous: Match | None) -> bool:
    """Return whether "house" is where something sounds: "in a house", "in a big house"."""
    if not match.has("space", "reverb"):
        return False
    said = previous is not None and previous.end == match.start and previous.has("size", "mood", "density")
    return match.before in _INSIDE or (said and previous is not None and previous.before in _INSIDE)


def _is_material(match: Match, following: Match | None) -> bool:
    """Return whether "metal" is what something is made of: "a metal door", "steps on metal"."""
    if not match.has("material"):
        return False
    if match.before in _ON:
        return True
    adjacent = following is not None and following.start == match.end
    return (
        adjacent
        and following is not None
        and following.has("sound", "subject")
        and not following.has("material")
    )
