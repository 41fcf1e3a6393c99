"""The music that a prompt asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from webapp.engines.sketch.music.request import DrumRequest, InstrumentRequest, MusicRequest
from webapp.engines.sketch.understanding.grammar import Part, Source
from webapp.engines.sketch.understanding.lexicon import MUSICAL, Entry, Lexicon
from webapp.engines.sketch.understanding.tonality import key_in, metre_in, tempo_in

_BACKGROUND_DB: Final = -3.0


class MusicReader:
    """Makes the request of each part. Tempo, key, mood and style hold for all parts once they are given."""

    def __init__(self, text: str, parts: Sequence[Part], words: Lexicon) -> None:
        self._words = words
        self._parts = parts
        entries = [entry for part in parts for entry in _said_of_music(part)]
        self._has_effects = any(source.entry.kind not in MUSICAL for part in parts for source in part.sources)
        tonic, mode = key_in(text)
        moods = tuple(dict.fromkeys(_keys(entries, "mood")))
        self._common = MusicRequest(
            genre=next((s.entry.key for part in parts for s in part.sources if s.entry.kind == "genre"), ""),
            tempo_bpm=tempo_in(text),
            tempo_range=_range(_keys(entries, "tempo")),
            beats_per_bar=metre_in(text),
            tonic=tonic,
            mode=mode or next(iter(_keys(entries, "mode")), None),
            moods=moods,
            energy=self._energy(moods),
            era=next(iter(_keys(entries, "era")), ""),
            space=next((float(key) for key in _keys(entries, "reverb")), None),
            articulation=next(iter(_keys(entries, "articulation")), ""),
        )

    def request(self, part: Part) -> MusicRequest | None:
        """The music of one part; None where it has none."""
        named = [source for source in part.sources if source.entry.kind in MUSICAL]
        if not named and not self._is_music_by_mood(part):
            return None
        genre = next(
            (source.entry.key for source in named if source.entry.kind == "genre"), self._common.genre
        )
        unwanted = [entry for clause in part.clauses for entry in clause.unwanted]
        return replace(
            self._common,
            genre=genre,
            instruments=tuple(_instruments(named)),
            drums=_drums(named),
            without=frozenset(_unwanted(unwanted)),
            solo=any(entry.kind == "solo" for entry in _said_of_music(part)),
        )

    def _is_music_by_mood(self, part: Part) -> bool:
        """Whether a part that names nobody is music all the same: "something happy", a key, a tempo."""
        if part.sources or self._has_effects:
            return False
        common = self._common
        return bool(common.moods or common.tempo_bpm or common.tonic is not None or common.mode)

    def _energy(self, moods: Iterable[str]) -> float | None:
        energies = [self._words.moods[mood].energy for mood in moods]
        return sum(energies) / len(energies) if energies else None


def _said_of_music(part: Part) -> list[Entry]:
    """Modifiers that are free, or said of an instrument, a style or drums."""
    free = [entry for clause in part.clauses for entry in clause.free]
    return free + [e for source in part.sources if source.entry.kind in MUSICAL for e in source.modifiers]


def _keys(entries: Iterable[Entry], kind: str) -> list[str]:
    return [entry.key for entry in entries if entry.kind == kind]


def _range(keys: Sequence[str]) -> tuple[float, float] | None:
    """A range of tempo from words; of several words the fastest or slowest one is meant most."""
    if not keys:
        return None
    low, high = max(
        (tuple(map(float, key.split())) for key in keys), key=lambda span: abs(sum(span) / 2 - 100)
    )
    return low, high


def _instruments(sources: Iterable[Source]) -> Iterable[InstrumentRequest]:
    found: dict[str, InstrumentRequest] = {}
    for source in sources:
        if source.entry.kind != "instrument":
            continue
        intensity, level_db = _strength(source)
        role = next(iter(_keys(source.modifiers, "role")), source.entry.detail)
        found.setdefault(source.entry.key, InstrumentRequest(source.entry.key, role, level_db, intensity))
    return found.values()


def _drums(sources: Iterable[Source]) -> DrumRequest | None:
    drums = [source for source in sources if source.entry.kind in {"drum", "kit"}]
    if not drums:
        return None
    intensity, level_db = _strength(drums[0])
    kit = next((source.entry.key for source in drums if source.entry.kind == "kit"), "")
    pieces: tuple[str, ...] = ()
    if all(source.entry.kind == "drum" and source.entry.key for source in drums):
        pieces = tuple(dict.fromkeys(piece for source in drums for piece in source.entry.key.split()))
    return DrumRequest(kit, pieces, level_db, intensity)


def _strength(source: Source) -> tuple[float, float]:
    """How hard an instrument is played, 0 to 1, and its level in dB."""
    intensity, level_db = 0.5, _BACKGROUND_DB if source.is_background else 0.0
    for key in _keys(source.modifiers, "intensity"):
        change, change_db = map(float, key.split())
        intensity, level_db = intensity + change, level_db + change_db
    if any(float(key) > 0.3 for key in _keys(source.modifiers, "distance")):
        level_db -= 5.0
    return round(min(1.0, max(0.05, intensity)), 3), max(-12.0, min(6.0, level_db))


def _unwanted(entries: Iterable[Entry]) -> Iterable[str]:
    """Roles and instruments that must not play. "No bass" means none of any kind."""
    for entry in entries:
        if entry.kind in {"drum", "kit"}:
            yield "drums"
        elif entry.kind == "instrument":
            yield entry.key
            if entry.phrase == ("bass",):
                yield "bass"
