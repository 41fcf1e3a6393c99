"""The setting that the players of a piece share, and the notes they write."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from webapp.engines.sketch.music.form import Form
from webapp.engines.sketch.music.harmony import Chord
from webapp.engines.sketch.music.melody import Bar
from webapp.engines.sketch.music.piece import Piece, PiecePart
from webapp.engines.sketch.music.styles import instruments
from webapp.engines.sketch.music.theory import near

CENTRES: Final = {
    "melody": 74, "answer": 67, "harmony": 69, "stabs": 68, "bass": 36, "ostinato": 55,
    "chords": 60, "soli": 72, "fanfare": 74, "improvised": 72,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """A note in beats from the start of the piece; ``accent`` is added to its velocity."""

    beat: float
    beats: float
    pitch: int
    accent: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting that the players share: the form, the chords, and the melody that leads."""

    piece: Piece
    form: Form
    chords: Sequence[Chord]
    tune: Sequence[Bar]

    @property
    def beats(self) -> int:
        return self.piece.beats_per_bar

    def bars(self, part: PiecePart) -> Iterator[tuple[int, float]]:
        """The bars in which a part plays, with the beat they begin on. In the closing bar everybody plays."""
        for bar in range(self.form.bars):
            resting = self.form.at(bar).resting
            if part.role not in resting or bar == self.form.closing_bar or self._is_alone(part):
                yield bar, float(bar * self.beats)

    def _is_alone(self, part: PiecePart) -> bool:
        return len(self.piece.parts) == 1


def tonic_of(setting: Setting, part: PiecePart) -> int:
    """The tonic in the octave from which a melody stays in the instrument's range."""
    instrument = instruments()[part.instrument]
    low, high = instrument.range
    centre = instrument.centre or CENTRES.get(part.role, 72)
    return near(60 + setting.piece.tonic, min(max(centre - 4, low + 6), max(low + 6, high - 16)))


Writer: TypeAlias = Callable[[Setting, PiecePart, np.random.Generator], Iterator[Event]]
