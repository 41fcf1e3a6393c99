"""Read a prompt into a plan. Whatever the prompt leaves open is drawn from its own hash and the seed."""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from webapp.engines.sketch import vocabulary as words
from webapp.engines.sketch.genres import DEFAULT_ENSEMBLES, DEFAULT_SCENES, GENRES, Genre
from webapp.engines.sketch.plan import DrumPart, Part, Plan, TextureLayer
from webapp.engines.sketch.reading import Source, find_sources, strength_of, tokenise
from webapp.engines.sketch.tonality import read_key, read_metre, read_space, read_tempo

_SOLO_WORDS = frozenset({"solo", "unaccompanied", "only", "alone"})
_COVERED_BY = {"hands": {"hands", "chords", "melody"}, "arpeggio": {"arpeggio", "chords"}}


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who plays."""

    parts: tuple[Part, ...]
    drums: DrumPart | None
    textures: tuple[TextureLayer, ...]


def read_prompt(prompt: str, model: str, seed: int) -> Plan:
    """The plan for ``prompt``; any text gives one. ``model`` only matters when nothing is understood."""
    text = unicodedata.normalize("NFKC", prompt)
    folded = text.casefold()
    tokens = tokenise(folded)
    plan_seed = _hash_seed(folded, model, seed)
    rng = np.random.default_rng(plan_seed)
    sources = find_sources(tokens)
    genre = next((GENRES[words.GENRE_WORDS[s.phrase]] for s in _wanted(sources, "genre")), None)
    cast = _cast(tokens, sources, genre) or _default_cast(model, rng)
    tempo_bpm, exact_tempo = read_tempo(folded, tokens, genre, rng)
    tonic, mode = read_key(text, tokens, genre, rng)
    return Plan(
        seed=plan_seed,
        tempo_bpm=tempo_bpm,
        exact_tempo=exact_tempo,
        beats_per_bar=read_metre(folded, genre),
        tonic=tonic,
        mode=mode,
        swing=genre.swing if genre else 0.0,
        space=read_space(tokens, genre),
        parts=cast.parts,
        drums=cast.drums,
        textures=cast.textures,
    )


def _hash_seed(folded: str, model: str, seed: int) -> int:
    text = f"{model}\n{seed}\n{' '.join(folded.split())}"
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())


def _wanted(sources: Sequence[Source], kind: str) -> list[Source]:
    return [source for source in sources if source.kind == kind and not source.unwanted]


def _cast(tokens: Sequence[str], sources: Sequence[Source], genre: Genre | None) -> _Cast | None:
    """Everyone whom the prompt names or its genre brings along; None when that is nobody."""
    parts = _parts(tokens, sources)
    drums = _drums(tokens, sources, genre)
    if parts and _SOLO_WORDS & set(tokens):
        parts = parts[:1]
        if not _wanted(sources, "drum"):
            drums = None
    elif genre is not None:
        parts = _with_ensemble(parts, sources, genre)
    textures = _textures(tokens, sources)
    if not parts and drums is None and not textures:
        return None
    return _Cast(tuple(_one_melody(parts)), drums, textures)


def _parts(tokens: Sequence[str], sources: Sequence[Source]) -> list[Part]:
    parts: dict[str, Part] = {}
    for source in _wanted(sources, "instrument"):
        instrument, style = words.INSTRUMENT_WORDS[source.phrase]
        nearby = tokens[max(0, source.start - 1) : source.end + 2]
        style = next((words.STYLE_WORDS[token] for token in nearby if token in words.STYLE_WORDS), style)
        strength = strength_of(tokens, source, sources)
        parts.setdefault(instrument, Part(instrument, style, strength.level_db, strength.intensity))
    return list(parts.values())


def _with_ensemble(parts: list[Part], sources: Sequence[Source], genre: Genre) -> list[Part]:
    """The named parts, and of the genre's own those that play what nobody plays yet."""
    covered = {style for part in parts for style in _COVERED_BY.get(part.style, {part.style})}
    known = {words.INSTRUMENT_WORDS[s.phrase][0] for s in sources if s.kind == "instrument"}
    # "No bass" means none of any kind.
    covered |= {"bass"} if any(s.unwanted and s.phrase == "bass" for s in sources) else set()
    added = [
        Part(instrument, style)
        for instrument, style in genre.ensemble
        if style not in covered and instrument not in known
    ]
    return parts + added


def _one_melody(parts: Sequence[Part]) -> Iterator[Part]:
    """Only one part leads: further melodies hold long notes, and a piano beside a melody accompanies."""
    leader = next((part for part in parts if part.style == "melody"), None)
    accompanying = {"melody": "pad", "hands": "arpeggio"}
    for part in parts:
        if leader is None or part is leader:
            yield part
        else:
            yield replace(part, style=accompanying.get(part.style, part.style))


def _drums(tokens: Sequence[str], sources: Sequence[Source], genre: Genre | None) -> DrumPart | None:
    if any(source.kind == "drum" and source.unwanted for source in sources):
        return None
    named = _wanted(sources, "drum")
    pattern = genre.drums if genre else None
    if not named:
        return DrumPart(pattern) if pattern else None
    strength = strength_of(tokens, named[0], sources)
    pieces = tuple(dict.fromkeys(piece for s in named for piece in words.DRUM_WORDS[s.phrase]))
    if pattern or any(not words.DRUM_WORDS[source.phrase] for source in named):
        pieces = ()
    return DrumPart(pattern or "rock", pieces, strength.level_db, strength.intensity)


def _textures(tokens: Sequence[str], sources: Sequence[Source]) -> tuple[TextureLayer, ...]:
    layers: dict[str, TextureLayer] = {}
    for source in _wanted(sources, "texture"):
        strength = strength_of(tokens, source, sources)
        meaning = words.TEXTURE_WORDS[source.phrase]
        for texture, base in words.TEXTURE_MEANING.get(meaning, ((meaning, 0.5),)):
            intensity = min(1.0, max(0.05, base + strength.intensity - 0.5))
            layers.setdefault(texture, TextureLayer(texture, strength.level_db, intensity, strength.distant))
    return tuple(layers.values())


def _default_cast(model: str, rng: np.random.Generator) -> _Cast:
    """For a prompt without a known word: a small ensemble, or for sounds a scene with a soft pad."""
    if model == "audio":
        scene = DEFAULT_SCENES[rng.integers(len(DEFAULT_SCENES))]
        return _Cast((Part("pad", "pad", level_db=-6.0, intensity=0.3),), None, (TextureLayer(scene),))
    ensemble = DEFAULT_ENSEMBLES[rng.integers(len(DEFAULT_ENSEMBLES))]
    return _Cast(tuple(Part(instrument, style) for instrument, style in ensemble), None, ())
