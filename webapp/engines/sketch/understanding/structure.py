"""Parts in a sequence, clauses in a part, sources and what is said of them in a clause."""

from dataclasses import dataclass, field

from webapp.engines.sketch.understanding.lexicon import Entry
from webapp.engines.sketch.understanding.matching import Match


@dataclass(slots=True)
class Source:
    """Something that sounds: its meaning, where it was named, and what is said of it."""

    entry: Entry
    match: Match
    modifiers: list[Entry] = field(default_factory=list)
    count: int | None = None
    is_background: bool = False
    is_subject: bool = False
    """Named by who makes it; a verb may still tell which sound it is."""
    is_adjective: bool = False
    """A verb that stood alone so far; of what follows at once it only says how."""


@dataclass(slots=True)
class Clause:
    """Sources that belong together; ``free`` modifiers are said of none of them in particular."""

    sources: list[Source] = field(default_factory=list)
    unwanted: list[Entry] = field(default_factory=list)
    free: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """The sounds of one time, between one "then" and the next."""

    clauses: list[Clause] = field(default_factory=list)
    is_silence: bool = False

    @property
    def sources(self) -> list[Source]:
        return [source for clause in self.clauses for source in clause.sources]
