"""The form of a piece: sections that differ in energy and in who plays."""

from dataclasses import dataclass
from typing import Final

from webapp.engines.sketch.music.piece import Piece

_SHORTEST_ENDING_S = 8.0
_RING_SHARE, _LONGEST_RING_S = 0.12, 3.0
_BARS_TO_SECTION: Final = 8
_ALL: Final = frozenset[str]()
# For each form its sections: name, share, change of energy, and the roles that pause.
_FORMS: Final[dict[str, tuple[tuple[str, float, float, frozenset[str]], ...]]] = {
    "build": (
        ("intro", 1.0, -0.2, frozenset({"melody", "answer", "stabs", "chords"})),
        ("build", 1.0, -0.05, frozenset({"melody", "answer"})),
        ("main", 2.0, 0.1, _ALL),
        ("break", 1.0, -0.3, frozenset({"drums", "bass", "stabs"})),
        ("main", 2.0, 0.15, _ALL),
        ("outro", 0.5, -0.15, frozenset({"melody", "answer", "pad"})),
    ),
    "song": (
        ("intro", 0.5, -0.15, frozenset({"melody", "answer", "stabs"})),
        ("verse", 2.0, -0.05, frozenset({"stabs", "answer"})),
        ("chorus", 2.0, 0.15, _ALL),
        ("verse", 1.5, 0.0, frozenset({"stabs"})),
        ("chorus", 2.0, 0.2, _ALL),
    ),
    "loop": (
        ("intro", 0.5, -0.1, frozenset({"drums", "melody", "answer"})),
        ("main", 3.0, 0.0, _ALL),
        ("break", 0.5, -0.2, frozenset({"drums", "melody"})),
        ("main", 3.0, 0.05, _ALL),
    ),
    "jazz": (
        ("head", 2.0, 0.0, frozenset({"stabs"})),
        ("solo", 3.0, 0.15, frozenset({"stabs", "answer"})),
        ("head", 2.0, 0.05, _ALL),
    ),
    "drift": (
        ("intro", 0.5, -0.1, frozenset({"melody", "answer", "drums"})),
        ("main", 3.0, 0.0, _ALL),
        ("break", 1.0, -0.1, frozenset({"bass", "drums"})),
        ("main", 2.0, 0.05, _ALL),
    ),
    "rise": (
        ("intro", 1.0, -0.35, frozenset({"drums", "melody", "answer", "ostinato"})),
        ("rise", 1.5, -0.15, frozenset({"melody", "answer"})),
        ("main", 2.0, 0.05, _ALL),
        ("break", 0.5, -0.35, frozenset({"drums", "ostinato"})),
        ("climax", 2.0, 0.25, _ALL),
    ),
}


@dataclass(frozen=True, slots=True)
class Section:
    """Some bars of one kind. ``resting`` are the roles, and "drums", that pause in them."""

    name: str
    first_bar: int
    bars: int
    energy: float
    resting: frozenset[str]


@dataclass(frozen=True, slots=True)
class Form:
    """All sections, and the bar of the closing chord, which rings until ``end_s``.

    Without a closing bar the piece goes on past the end.
    """

    sections: tuple[Section, ...]
    bars: int
    closing_bar: int | None
    end_s: float

    def at(self, bar: int) -> Section:
        """The section that a bar belongs to."""
        return next(
            (part for part in self.sections if part.first_bar <= bar < part.first_bar + part.bars),
            self.sections[-1],
        )


def form_of(piece: Piece, duration_s: float, *, with_ending: bool) -> Form:
    """Lay out a piece over a duration."""
    bars = max(1, -(-round(duration_s * 1000) // max(1, round(piece.bar_s * 1000))))
    closing = None
    if with_ending and duration_s >= _SHORTEST_ENDING_S:
        closing = int((duration_s - min(_LONGEST_RING_S, duration_s * _RING_SHARE)) / piece.bar_s) or None
    if closing is not None:
        bars = closing + 1
    return Form(tuple(_sections(piece, bars)), bars, closing, duration_s)


def _sections(piece: Piece, bars: int) -> list[Section]:
    plan = _FORMS[piece.style.form]
    lone = len(piece.parts) + (piece.drums is not None) < 2
    if bars <= _BARS_TO_SECTION or lone:
        return [Section("main", 0, bars, piece.energy, _ALL)]
    # In a short piece there is no time to wait for those who make it what it is.
    if bars < 3 * _BARS_TO_SECTION:
        plan = plan[1:]
    whole = sum(share for _, share, _, _ in plan)
    unit = 4 if bars >= 4 * len(plan) else 2
    found: list[Section] = []
    first = 0
    for index, (name, share, change, resting) in enumerate(plan):
        length = max(unit, round(bars * share / whole / unit) * unit)
        length = bars - first if index == len(plan) - 1 else min(length, bars - first)
        if length > 0:
            energy = min(1.0, max(0.05, piece.energy + change))
            # Who has a theme to play begins with it.
            pausing = resting - {"melody"} if piece.theme else resting
            found.append(Section(name, first, length, energy, pausing))
        first += length
    return found
