"""The music that a prompt asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from webapp.engines.sketch.music.request import DrumRequest, InstrumentRequest, MusicRequest
from webapp.engines.sketch.music.styles import instruments
from webapp.engines.sketch.understanding.lexicon import MUSICAL, Entry, Lexicon
from webapp.engines.sketch.understanding.structure import Part, Source
from webapp.engines.sketch.understanding.tempo_and_key import key_in, metre_in, tempo_in

_BACKGROUND_DB: Final = -3.0
# Words that are music, whatever else the prompt names.
_MUSIC_ITSELF: Final = frozenset(
    (word,)
    for word in (
        "music", "song", "melody", "tune", "soundtrack", "jingle", "anthem", "ballad", "theme", "beat",
        "score",
    )
)  # fmt: skip
_SYNTHS: Final = frozenset({"arp", "lead", "pad", "pluck", "synth bass", "synth strings", "synth brass"})


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
            solo=_is_solo(_said_of_music(part), with_style=any(s.entry.kind == "genre" for s in named)),
        )

    def _is_music_by_mood(self, part: Part) -> bool:
        """Return whether a part that names nobody is music all the same: "a song", "something sad", a key."""
        said = _said(part)
        if any(entry.kind == "cue" and entry.phrase in _MUSIC_ITSELF for entry in said):
            return True
        if part.sources or self._has_effects:
            return False
        common = self._common
        return bool(
            common.moods or common.tempo_bpm or common.tonic is not None or common.mode or _keys(said, "role")
        )

    def _energy(self, moods: Iterable[str]) -> float | None:
        energies = [self._words.moods[mood].energy for mood in moods]
        return sum(energies) / len(energies) if energies else None


def _said(part: Part) -> list[Entry]:
    """All modifiers of a part."""
    free = [entry for clause in part.clauses for entry in clause.free]
    return free + [entry for source in part.sources for entry in source.modifiers]


def _said_of_music(part: Part) -> list[Entry]:
    """Modifiers that are free, or said of an instrument, a style or drums."""
    free = [entry for clause in part.clauses for entry in clause.free]
    return free + [e for source in part.sources if source.entry.kind in MUSICAL for e in source.modifiers]


def _is_solo(said: Iterable[Entry], *, with_style: bool) -> bool:
    """Return whether nobody else plays. With a style, a "saxophone solo" is played in front of the others."""
    return any(entry.kind == "solo" and not (with_style and entry.phrase == ("solo",)) for entry in said)


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
        if "solo" in source.entry.phrase and role != "hands":
            role = "melody"
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
    """Return how hard an instrument is played, 0 to 1, and its level in dB."""
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
            yield from _kinds_of(entry.phrase[-1].removesuffix("s"))


def _kinds_of(word: str) -> Iterable[str]:
    """Return the instruments that "no guitar" or "no bass" excludes: all of that name."""
    if word == "bass":
        yield "bass"
    if word.startswith("synth"):
        yield from _SYNTHS
    for name in instruments():
        if name.split()[-1].removesuffix("s") == word and not name.startswith("bass"):
            yield name
