"""A hummed or played line comes back as the motif of a piece, in the key and style that was asked for."""

from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from tests.engines.sketch.lines import LINES, Line, performed
from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    GenerationRequest,
    MelodyNotFollowed,
    NoMelodyHeard,
)
from webapp.engines.batch import generate_all
from webapp.engines.sketch.engine import SketchEngine
from webapp.engines.sketch.hearing.motif import Motif, hear_motif
from webapp.engines.sketch.hearing.notes import notes_of
from webapp.engines.sketch.hearing.pitch import track_pitch
from webapp.engines.sketch.music.arrange import arrange
from webapp.engines.sketch.music.piece import compose
from webapp.engines.sketch.music.request import MusicRequest
from webapp.engines.sketch.music.styles import instruments
from webapp.engines.sketch.music.theory import SCALES
from webapp.engines.sketch.understanding.reading import read_prompt

RIGHT = 0.9
SWING_BEATS = 0.24
# The flute's semitones in a row are in no other mode than its own.
IN_ANY_MODE = [line for line in LINES if line.name != "a flute"]
by_name = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
# Prompts of many styles; those with a key, and the pitch classes of that.
PROMPTS = (
    "a string quartet", "techno with a hard kick", "solo piano", "jazz trio", "an orchestra, heroic",
    "lo-fi hip hop", "bossa nova with guitar", "ambient pads", "heavy metal", "a folk waltz with accordion",
)  # fmt: skip
IN_A_KEY = (
    ("calm jazz in D minor", 2, "minor"),
    ("techno in A minor", 9, "minor"),
    ("piano in E flat major", 3, "major"),
)


@cache
def heard(line: Line) -> Motif:
    motif = hear_motif(performed(line))
    assert motif is not None
    return motif


def lead(prompt: str, motif: Motif, seconds: float = 40.0, seed: int = 5) -> list[int]:
    """The pitches that the lead plays while it goes through the motif for the first time."""
    scene = read_prompt(prompt, "music", seed).scenes[0]
    piece = compose(replace(scene.music or MusicRequest(), motif=motif), seed)
    number = next(
        index
        for index, part in enumerate(piece.parts)
        if part.role in ("melody", "hands") and not part.is_sparse
    )
    part = arrange(piece, seconds, with_ending=False).parts[number]
    notes = [note for note in part.notes if note.start_s < (motif.beats - 0.1) * piece.beat_s]
    if part.role == "melody" and not instruments()[part.instrument].doubles:
        return [note.pitch for note in notes]
    # Others sound with the tune: a left hand, a second below. It is the highest where a note of it begins.
    return [
        max(note.pitch for note in notes if abs(note.start_s / piece.beat_s - wanted.beat) < SWING_BEATS)
        for wanted in motif.notes
    ]


def share_right(wanted: list[int], got: list[int]) -> float:
    """The share of notes that are there in the right order; what was made up counts against it."""
    blocks = SequenceMatcher(None, wanted, got, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / max(len(wanted), len(got))


@by_name
def test_the_notes_of_a_line_are_heard(line: Line) -> None:
    notes = notes_of(track_pitch(performed(line)))
    assert share_right(line.pitches, [note.pitch for note in notes]) >= RIGHT


@by_name
def test_the_rhythm_of_a_line_is_heard(line: Line) -> None:
    motif = heard(line)
    beats = np.cumsum([0.0, *(beats for _, beats in line.notes)])[:-1]
    assert len(motif.notes) == len(beats)
    found = np.array([note.beat for note in motif.notes])
    # Whether a line is at 63 or at 126 beats per minute, nobody can tell.
    misses = min(np.mean(np.abs(found * factor - beats) > 0.25) for factor in (0.5, 1.0, 2.0))
    assert misses <= 1 - RIGHT


@by_name
@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_line_comes_back_as_the_motif(line: Line, prompt: str) -> None:
    notes = lead(prompt, heard(line))
    moved = notes[0] - line.pitches[0]
    got = [pitch - moved for pitch in notes]
    assert share_right(line.pitches, got) >= RIGHT


@pytest.mark.parametrize("line", IN_ANY_MODE, ids=lambda line: line.name)
@pytest.mark.parametrize(("prompt", "tonic", "mode"), IN_A_KEY)
def test_a_line_comes_back_in_the_key_that_was_asked_for(
    line: Line, prompt: str, tonic: int, mode: str
) -> None:
    motif = heard(line)
    got = lead(prompt, motif)
    assert len(got) == len(line.pitches)
    ways = [np.sign(after - before) for before, after in pairwise(got)]
    wanted = [np.sign(after - before) for before, after in pairwise(line.pitches)]
    assert np.mean(np.array(ways) == np.array(wanted)) >= RIGHT
    if mode == motif.mode:
        moved = got[0] - line.pitches[0]
        assert share_right(line.pitches, [pitch - moved for pitch in got]) >= RIGHT
        assert (motif.tonic + moved - tonic) % 12 == 0
    else:
        scale = {(tonic + step) % 12 for step in SCALES[mode]}
        assert np.mean([pitch % 12 in scale for pitch in got]) >= RIGHT


@pytest.mark.parametrize("seconds", [0.5, 5.0])
def test_silence_and_noise_have_no_melody(seconds: float) -> None:
    rng = np.random.default_rng(3)
    frames = round(seconds * 16_000)
    assert hear_motif(Waveform(np.zeros((1, frames), np.float32), 16_000)) is None
    noise = rng.normal(0, 0.1, (2, frames)).astype(np.float32)
    assert hear_motif(Waveform(noise, 16_000)) is None


def _asked(model: str, melody: Waveform) -> GenerationRequest:
    return GenerationRequest("solo flute", 6.0, model, 3, melody=melody)


def test_the_sound_plays_the_line() -> None:
    """From sound to sound: what is heard in the result is what was hummed."""
    line = LINES[3]
    engine = SketchEngine()
    (made,) = generate_all(engine, [_asked("music", performed(line))], lambda *_: None, CancelToken())
    got = [note.pitch for note in notes_of(track_pitch(made))]
    moved = got[0] - line.pitches[0]
    found = [pitch - moved for pitch in got][: len(line.pitches)]
    assert share_right(line.pitches[: len(found)], found) >= 0.75


def test_a_melody_that_cannot_be_followed_is_refused() -> None:
    engine, silence = SketchEngine(), Waveform(np.zeros((1, 16_000), np.float32), 16_000)
    assert (engine.info("music").melody, engine.info("audio").melody) == (True, False)
    with pytest.raises(MelodyNotFollowed):
        generate_all(engine, [_asked("audio", performed(LINES[0]))], lambda *_: None, CancelToken())
    with pytest.raises(NoMelodyHeard):
        generate_all(engine, [_asked("music", silence)], lambda *_: None, CancelToken())
