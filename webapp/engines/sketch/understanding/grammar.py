"""The structure of a prompt: parts in a sequence, clauses in a part, sources and modifiers in a clause."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from webapp.engines.sketch.understanding.lexicon import ARTICLES, Entry
from webapp.engines.sketch.understanding.matching import BREAKS, Match, source_of
from webapp.engines.sketch.understanding.structure import Clause, Part, Source
from webapp.engines.sketch.understanding.words import Token, canonical

MODIFIERS = frozenset(
    {
        "articulation", "count", "cue", "density", "distance", "era", "fade", "intensity", "material",
        "mode", "mood", "reverb", "role", "size", "solo", "space", "speed", "tempo",
    }
)  # fmt: skip
# What follows these is said of the source before them: "in the distance", "on gravel", "three times".
_PREPOSITIONS = frozenset({"in", "on", "from", "at", "inside", "through", "under", "over", "across", "into"})
_TIMES = frozenset({"time", "times", "once", "twice", "thrice"})
_ENDS_NEGATION = frozenset({"just", "only", "but"})
_UNITS = frozenset(
    {
        "bpm",
        "beats",
        "s",
        "sec",
        "second",
        "seconds",
        "min",
        "minute",
        "minutes",
        "bars",
        "hz",
        "khz",
        "db",
        "%",
        "bit",
    }
)
MAX_COUNT = 40
_TOUCHING = frozenset(
    {
        "on", "at", "against", "into", "onto", "through", "of", "by", "under", "behind", "cutting",
        "chopping", "hitting", "striking", "sawing",
    }
)  # fmt: skip
_REACH = 3
_KEY_LETTER = re.compile(r"[A-Ga-g](?:[#♯♭b])?m?|sharp|flat", re.IGNORECASE)


class Reader:
    """Reads one prompt; :meth:`parts` may be called once."""

    def __init__(
        self, tokens: Sequence[Token], matches: Sequence[Match], owners: Mapping[str, str], *, musical: bool
    ) -> None:
        self._tokens = tokens
        self._owners = owners
        self._matches = matches
        self._musical = musical
        self._subject = ""
        self._negated = False
        self._background = False
        self._parts: list[Part] = [Part()]
        self._said: list[tuple[Match, list[Entry]]] = []
        self._sources: list[Source] = []
        self._unwanted: list[Entry] = []

    def parts(self) -> list[Part]:
        """Read the prompt to its end."""
        at = 0
        previous = None
        for match, following in pairwise((*self._matches, None)):
            if match is None:
                break
            self._marks(at, match.start)
            self._match(match, following, previous)
            at, previous = match.end, match
        self._marks(at, len(self._tokens))
        self._end_clause()
        return [part for part in self._parts if part.clauses or part.is_silence] or [Part()]

    def _marks(self, start: int, end: int) -> None:
        for place in range(start, end):
            token = self._tokens[place]
            after = self._tokens[place + 1].folded if place + 1 < len(self._tokens) else ""
            if token.folded in BREAKS:
                self._end_clause()
                self._negated = False
            elif token.folded.isdecimal() and 0 < int(token.folded) <= MAX_COUNT and after not in _UNITS:
                self._number(int(token.folded))

    def _match(self, match: Match, following: Match | None, previous: Match | None) -> None:
        connective = match.find("connective")
        source = source_of(match, following, previous, musical=self._musical)
        if connective is not None and source is None:
            self._connective(connective.key, match)
        elif match.has("silence"):
            self._silence()
        elif (verb := self._verb(match)) is not None:
            self._act(match, verb)
        elif source is not None:
            self._source(match, source)
        else:
            self._modify(match)

    def _modify(self, match: Match) -> None:
        if self._tokens[match.start].folded in _ENDS_NEGATION:
            self._negated = False
        modifiers = [entry for entry in match.entries if entry.kind in MODIFIERS]
        if self._negated and modifiers:
            self._negated = False
        elif modifiers:
            self._said.append((match, modifiers))

    def _connective(self, kind: str, match: Match) -> None:
        if kind == "without":
            self._end_clause()
            self._negated = True
            return
        joins = self._tokens[match.start].folded in {"and", "or"}
        if self._negated and joins:
            return
        self._end_clause()
        self._negated = False
        self._background = kind == "over"
        if kind == "then":
            self._parts.append(Part())
            self._background = False

    def _silence(self) -> None:
        self._end_clause()
        if self._parts[-1].clauses:
            self._parts.append(Part())
        self._parts[-1].is_silence = True
        self._parts.append(Part())

    def _number(self, number: int) -> None:
        entry = Entry("count", str(number), (str(number),))
        # A match of no words: only its kind counts.
        self._said.append((Match(-1, -1, (entry,)), [entry]))

    def _verb(self, match: Match) -> Entry | None:
        """Return the subject's action, if the word is a verb of it."""
        if not self._subject or self._negated:
            return None
        return next(
            (entry for entry in match.entries if entry.kind == "verb" and entry.detail == self._subject), None
        )

    def _act(self, match: Match, verb: Entry) -> None:
        """Let a verb say what its subject sounds like; a second verb is a second sound."""
        sound = Entry("sound", verb.key, verb.phrase)
        named = next((source for source in reversed(self._sources) if source.is_subject), None)
        before = self._parts[-1].sources + self._sources
        if (
            named is None
            and before
            and (before[-1].match.end == match.start or before[-1].entry.key == verb.key)
        ):
            # "Slams shut", "a crowd with chatter": the same once more.
            return
        if named is None and before:
            # "A car starts, idles and leaves": one thing does one after the other.
            self._end_clause()
            self._parts.append(Part())
        if named is not None:
            named.entry, named.is_subject = sound, False
            named.match = Match(named.match.start, match.end, named.match.entries)
        else:
            self._add(match, sound)

    def _source(self, match: Match, entry: Entry) -> None:
        if self._negated:
            self._unwanted.append(entry)
            return
        if entry.kind in {"alone", "verb"}:
            # "Crashing waves": said of something that has a name, it is no sound of its own.
            if not self._sources:
                self._add(match, Entry("sound", entry.key, entry.phrase))
                self._sources[-1].is_adjective = True
            return
        last = self._sources[-1] if self._sources else None
        if last is not None and last.is_adjective and last.match.end == match.start and entry.kind == "sound":
            # "Crackling vinyl" is no fire.
            last.entry, last.is_adjective = entry, False
            last.match = Match(last.match.start, match.end, match.entries)
            return
        is_thing = entry.kind == "subject" or match.has("material")
        if is_thing and self._sources and self._is_object(match):
            return
        if entry.kind == "subject":
            self._subject = entry.key
            if last is not None and last.match.end == match.start and self._is_verb_of(last, entry.key):
                last.match = Match(last.match.start, match.end, last.match.entries)
                return
        else:
            named = next((e.key for e in match.entries if e.kind == "subject"), "")
            self._subject = named or self._owners.get(entry.key, self._subject)
        self._add(match, entry)

    def _is_object(self, match: Match) -> bool:
        """Return whether "door" is what something is done to: "knocks on a wooden door"."""
        before = self._tokens[max(0, match.start - _REACH) : match.start]
        return any(token.folded in _TOUCHING for token in before)

    def _is_verb_of(self, source: Source, subject: str) -> bool:
        """Return whether "howling" before "dog" has already said what the dog does."""
        return any(
            entry.kind == "verb" and entry.detail == subject and self._becomes(source, entry)
            for entry in source.match.entries
        )

    @staticmethod
    def _becomes(source: Source, verb: Entry) -> bool:
        source.entry = Entry("sound", verb.key, verb.phrase)
        return True

    def _add(self, match: Match, entry: Entry) -> None:
        self._sources.append(
            Source(entry, match, is_background=self._background, is_subject=entry.kind == "subject")
        )

    def _end_clause(self) -> None:
        if not (self._sources or self._unwanted or self._said):
            return
        clause = Clause(self._sources, self._unwanted)
        before = self._parts[-1].sources
        for match, entries in self._said:
            self._attach(clause, before, match, entries)
        self._continue(clause)
        self._parts[-1].clauses.append(clause)
        self._sources, self._unwanted, self._said = [], [], []

    def _continue(self, clause: Clause) -> None:
        """Let the sources of the part before go on: ", then fading away" names nobody."""
        if len(self._parts) < 2 or self._parts[-1].sources or clause.sources or not clause.free:
            return
        fades = [entry for entry in clause.free if entry.kind == "fade"]
        for source in self._parts[-2].sources:
            kept = [entry for entry in source.modifiers if not (fades and entry.kind == "fade")]
            clause.sources.append(
                Source(source.entry, source.match, kept + clause.free, None, source.is_background)
            )
        clause.free = []

    def _attach(self, clause: Clause, before: list[Source], match: Match, entries: list[Entry]) -> None:
        """Give a modifier to the source it is said of: the next one, or the one before "in the distance"."""
        earlier = [source for source in clause.sources if source.match.start < match.start or match.start < 0]
        later = [source for source in clause.sources if source.match.start > match.start >= 0]
        count = next((entry for entry in entries if entry.kind == "count"), None)
        if match.start < 0:
            target = clause.sources[0] if clause.sources else None
        elif self._looks_back(match) or not later:
            target = earlier[-1] if earlier else None
        else:
            target = later[0]
        if target is None and not clause.sources:
            # A clause of its own, such as ", far away", is said of what came before.
            target = before[-1] if before else None
        if target is None:
            target = later[0] if later else None
        if target is None:
            clause.free += entries
            return
        if count is not None:
            target.count = int(count.key)
        target.modifiers += entries

    def _looks_back(self, match: Match) -> bool:
        words = [self._tokens[place].folded for place in range(match.start, match.end)]
        if words[0] in _PREPOSITIONS or match.before in _PREPOSITIONS or words[-1].endswith("ly"):
            return True
        after = self._tokens[match.end].folded if match.end < len(self._tokens) else ""
        return match.has("fade") or bool(_TIMES & {*words, after})


def unknown_words(tokens: Sequence[Token], matches: Sequence[Match], *, has_key: bool) -> Iterator[str]:
    """The words that mean nothing to sketch, as typed, each once. A key's letters mean something."""
    known = {place for match in matches for place in range(match.start, match.end)}
    seen = set()
    for place, token in enumerate(tokens):
        if place in known or token.is_mark or token.folded[0].isdigit() or token.folded in ARTICLES:
            continue
        if has_key and _KEY_LETTER.fullmatch(token.text):
            continue
        if canonical(token.folded) not in seen:
            seen.add(canonical(token.folded))
            yield token.text
