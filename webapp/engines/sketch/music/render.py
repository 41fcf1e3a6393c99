"""Renders the music of a scene."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.genres import DEFAULT_ENSEMBLES, GENRES, Genre
from webapp.engines.sketch.instruments import TONES
from webapp.engines.sketch.music.request import InstrumentRequest, MusicRequest
from webapp.engines.sketch.plan import DrumPart, Part, Plan
from webapp.engines.sketch.render import Rendering
from webapp.engines.sketch.synthesis import SAMPLE_RATE
from webapp.engines.sketch.theory import SCALES

_TEMPO_BPM = (84.0, 108.0)
_MODES = ("major", "minor", "dorian")
_SPACE = 0.35
_FREE_CHANGE, _EXACT_CHANGE = 0.12, 0.01
_RELATED_GENRES = {"house music": "house"}
_RELATED = {
    "acoustic guitar": "guitar", "nylon guitar": "guitar", "electric guitar": "guitar", "bass guitar": "bass",
    "double bass": "bass", "arp": "lead", "brass": "trumpet", "french horn": "horn", "alto sax": "oboe",
}  # fmt: skip


def render_music(
    request: MusicRequest, duration_s: float, seed: int, *, with_ending: bool
) -> Iterator[Samples]:
    """Yield the music in sections of shape (2, n) until ``duration_s`` is filled."""
    rendering = Rendering(_plan(request, seed), round(duration_s * SAMPLE_RATE), with_ending=with_ending)
    for _ in rendering.steps():
        pass
    yield rendering.samples


def _plan(request: MusicRequest, seed: int) -> Plan:
    rng = np.random.default_rng([seed, 7])
    genre = GENRES.get(_RELATED_GENRES.get(request.genre, request.genre))
    low, high = request.tempo_range or (genre.tempo_bpm if genre else _TEMPO_BPM)
    drums = None
    if request.drums is not None:
        drums = DrumPart("rock", (), request.drums.level_db, request.drums.intensity)
    if genre and genre.drums and "drums" not in request.without and not request.solo:
        drums = replace(drums, pattern=genre.drums) if drums else DrumPart(genre.drums)
    modes = genre.modes if genre else _MODES
    mode = request.mode if request.mode in SCALES else modes[rng.integers(len(modes))]
    tempo_bpm = request.tempo_bpm or float(round(rng.uniform(low, high)))
    beats = request.beats_per_bar or (genre.beats_per_bar if genre else 4)
    if request.loop_s:
        tempo_bpm = _fitted(tempo_bpm, beats, request.loop_s, exact=request.tempo_bpm is not None)
    return Plan(
        seed=seed,
        tempo_bpm=tempo_bpm,
        exact_tempo=request.tempo_bpm is not None,
        beats_per_bar=beats,
        tonic=int(rng.integers(12)) if request.tonic is None else request.tonic,
        mode=mode,
        swing=genre.swing if genre else 0.0,
        space=request.space if request.space is not None else (genre.space if genre else _SPACE),
        parts=tuple(_parts(request, genre, rng)),
        drums=drums,
        textures=(),
    )


def _parts(request: MusicRequest, genre: Genre | None, rng: np.random.Generator) -> Iterator[Part]:
    named = [_part(one) for one in request.instruments]
    yield from named
    if request.solo:
        return
    ensemble = genre.ensemble if genre else ()
    if not named and not ensemble and request.drums is None:
        ensemble = DEFAULT_ENSEMBLES[rng.integers(len(DEFAULT_ENSEMBLES))]
    roles = {part.style for part in named} | set(request.without)
    for instrument, style in ensemble:
        if style not in roles and instrument not in request.without:
            yield Part(instrument, style)


def _part(asked: InstrumentRequest) -> Part:
    instrument = _RELATED.get(asked.instrument, asked.instrument)
    if instrument not in TONES:
        instrument = "piano"
    return Part(instrument, asked.role or "melody", asked.level_db, asked.intensity)


def _fitted(tempo_bpm: float, beats_per_bar: int, loop_s: float, *, exact: bool) -> float:
    """Bend the tempo a little so that whole bars, or at least whole beats, fill the loop."""
    limit = _EXACT_CHANGE if exact else _FREE_CHANGE
    for unit_beats in (beats_per_bar, 1):
        units = max(1, round(loop_s * tempo_bpm / 60 / unit_beats))
        fitted = units * unit_beats * 60 / loop_s
        if abs(fitted / tempo_bpm - 1) <= limit:
            return fitted
    return tempo_bpm
