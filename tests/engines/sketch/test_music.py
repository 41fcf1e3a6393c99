"""Instruments, kits, scores and the balance of the mix."""

import numpy as np
import pytest

from webapp.assets import asset_folder
from webapp.audio.loudness import integrated_loudness
from webapp.audio.waveform import Samples, Waveform
from webapp.engines.sketch.music.arrange import arrange
from webapp.engines.sketch.music.instruments.kits import DrumKit, kit_names, piece_names
from webapp.engines.sketch.music.instruments.players import player_for
from webapp.engines.sketch.music.instruments.sampler import PLAIN, SAMPLE_RATE, Manner, Sampler
from webapp.engines.sketch.music.instruments.samples import FONT, sample_library
from webapp.engines.sketch.music.instruments.soundfont import SoundFont
from webapp.engines.sketch.music.piece import Piece, compose
from webapp.engines.sketch.music.render import SECTION_FRAMES, DrumTrack, Track
from webapp.engines.sketch.music.request import DrumRequest, InstrumentRequest, MusicRequest
from webapp.engines.sketch.music.score import Score
from webapp.engines.sketch.music.styles import instruments, styles
from webapp.engines.sketch.music.theory import SCALES, frequency_hz

INHARMONIC = {
    "bells", "tubular bells", "music box", "glockenspiel", "celesta", "xylophone", "marimba", "vibraphone",
    "kalimba", "steel drum", "handpan", "singing bowl",
}  # fmt: skip
PITCHED = sorted(set(instruments()) - INHARMONIC)


def cents_off(sound: Samples, pitch: int) -> float:
    """How far the sound is from its pitch, by the autocorrelation near the period that it should have."""
    flat = sound.mean(axis=0, dtype=np.float64)[SAMPLE_RATE // 5 : SAMPLE_RATE // 5 + 16384]
    size = 4 * flat.size
    same = np.fft.irfft(np.abs(np.fft.rfft(flat * np.hanning(flat.size), size)) ** 2)
    # Several periods tell the pitch finer than one.
    one = SAMPLE_RATE / frequency_hz(pitch)
    period = max(1, int(0.02 * frequency_hz(pitch))) * one
    low, high = int(period - 0.45 * one), int(period + 0.45 * one) + 1
    best = low + int(same[low:high].argmax())
    left, middle, right = same[best - 1 : best + 2]
    exact = best + 0.5 * (left - right) / (left - 2 * middle + right)
    return float(1200 * np.log2(period / exact))


@pytest.mark.parametrize("name", PITCHED)
def test_instruments_are_in_tune(name: str) -> None:
    instrument = instruments()[name]
    player = player_for(instrument, sample_library(), 1)
    low, high = instrument.range
    off = [
        abs(cents_off(player.play(pitch, 0.7, 0.9), pitch))
        for pitch in ((3 * low + high) // 4, (low + high) // 2)
    ]
    # Many players are never quite together.
    limit = 45 if instrument.is_section else 22
    assert min(off) < limit
    assert max(off) < 2 * limit


@pytest.mark.parametrize("name", sorted(instruments()))
def test_notes_are_clean_and_follow_the_touch(name: str) -> None:
    player = player_for(instruments()[name], sample_library(), 1)
    pitch = sum(instruments()[name].range) // 2
    soft, loud = (player.play(pitch, velocity, 0.6) for velocity in (0.25, 0.9))
    for note in (soft, loud):
        assert np.isfinite(note).all()
        assert np.abs(note[:, 0]).max() < 0.02
        assert np.abs(note[:, -1]).max() < 1e-3
    rms = [float(np.sqrt(np.mean(note[:, : SAMPLE_RATE // 2] ** 2))) for note in (soft, loud)]
    assert rms[1] > 1.8 * rms[0]
    assert 0.03 < rms[1] < 1.0, "all are about as loud as each other"


@pytest.mark.parametrize("name", sorted(name for name, one in instruments().items() if one.sustains))
def test_held_notes_go_on_without_clicks(name: str) -> None:
    """The loop of a sample must not be heard as a jump, nor may a held note die."""
    player = player_for(instruments()[name], sample_library(), 1)
    note = player.play(sum(instruments()[name].range) // 2, 0.7, 3.0)[0, : 3 * SAMPLE_RATE]
    bends = np.abs(np.diff(note, 2))[SAMPLE_RATE // 2 :]
    assert bends.max() < 8 * np.percentile(bends, 99.0)
    third = note.size // 3
    assert np.std(note[2 * third :]) > 0.1 * np.std(note[:third])


def test_a_note_does_not_depend_on_those_before() -> None:
    path = asset_folder() / "samples" / FONT
    if not path.is_file():
        pytest.skip("the samples come with set-up")
    font = SoundFont(path)
    blaring = Manner(vibrato_cents=14, accent=0.3, steepening=0.35)
    cases = [(program, 60, PLAIN) for program in (0, 40, 46, 105)]
    # Their first block is not their loudest.
    cases += [(56, 67, blaring), (58, 48, blaring)]
    for program, key, manner in cases:
        used = Sampler(font, 0, program, manner)
        for before_s in (0.1, 9.0):
            used.play(key, 0.7, before_s)
            for duration_s in (0.3, 2.0):
                alone = Sampler(font, 0, program, manner).play(key, 0.7, duration_s)
                assert used.play(key, 0.7, duration_s).tobytes() == alone.tobytes()


@pytest.mark.parametrize("name", sorted(kit_names() - {"none"}))
def test_kits_have_every_piece(name: str) -> None:
    kit = DrumKit(name, sample_library(), 1)
    for piece in sorted(piece_names()):
        hits = [kit.hit(piece, 0.9, number) for number in range(2)]
        for hit in hits:
            assert 0.1 < np.abs(hit).max() < 1.0
            assert np.abs(hit[:, -1]).max() < 1e-3
        assert hits[0].tobytes() != hits[1].tobytes()


def score_of(request: MusicRequest, seconds: float = 60.0, seed: int = 1) -> tuple[Piece, Score]:
    piece = compose(request, seed)
    return piece, arrange(piece, seconds, with_ending=True)


@pytest.mark.parametrize("genre", sorted(styles()))
@pytest.mark.parametrize("seed", [1, 2])
def test_scores_are_playable_and_in_their_key(genre: str, seed: int) -> None:
    piece, score = score_of(MusicRequest(genre=genre), seed=seed)
    scale = {(piece.tonic + step) % 12 for step in SCALES[piece.mode]}
    pitches = []
    for part in score.parts:
        assert part.notes, part
        low, high = instruments()[part.instrument].range
        for note in part.notes:
            assert low <= note.pitch <= high
            assert 0 <= note.start_s < 60
            assert 0 < note.velocity <= 1
            if part.role not in {"cluster", "bass", "riff", "chug"}:
                pitches.append(note.pitch % 12)
    if pitches:
        assert np.mean([pitch in scale for pitch in pitches]) > 0.93
    assert all(0 <= hit.start_s < 60 and 0 < hit.velocity <= 1 for hit in score.hits)


def test_a_piece_has_a_form() -> None:
    """Over three minutes parts pause and come back, and the end is a chord that everybody plays."""
    _, score = score_of(MusicRequest(genre="house"), 180.0)
    for part in score.parts:
        assert any(note.start_s > 170 for note in part.notes)
    kicks = [hit.start_s for hit in score.hits if hit.piece == "kick"]
    assert max(np.diff(kicks)) > 6, "the drums rest in the break"
    piece, score = score_of(MusicRequest(genre="house"), 180.0, seed=2)
    other, _ = score_of(MusicRequest(genre="house"), 180.0, seed=3)
    assert (piece.tonic, piece.mode, piece.tempo_bpm) != (other.tonic, other.mode, other.tempo_bpm)


@pytest.mark.parametrize("genre", ["house", "jazz", "waltz", "lullaby"])
@pytest.mark.parametrize("loop_s", [7.0, 10.0, 31.0])
def test_loops_hold_whole_bars(genre: str, loop_s: float) -> None:
    bars = loop_s / compose(MusicRequest(genre=genre, loop_s=loop_s), 1).bar_s
    assert bars == pytest.approx(round(bars), abs=1e-6)


def test_wishes_are_obeyed() -> None:
    piece = compose(
        MusicRequest(
            genre="rock", tempo_bpm=97, tonic=3, mode="dorian", beats_per_bar=3,
            instruments=(InstrumentRequest("flute"),), without=frozenset({"drums", "bass"}),
        ),
        1,
    )  # fmt: skip
    assert (piece.tempo_bpm, piece.tonic, piece.mode, piece.beats_per_bar) == (97, 3, "dorian", 3)
    assert piece.drums is None
    assert "bass" not in {part.role for part in piece.parts}
    assert piece.parts[0].instrument == "flute"
    alone = compose(MusicRequest(instruments=(InstrumentRequest("violin", "melody"),), solo=True), 1)
    assert [part.instrument for part in alone.parts] == ["violin"]
    roll = compose(MusicRequest(drums=DrumRequest(pieces=("roll",))), 1).drums
    assert roll is not None
    assert roll.lanes == {"snare": "r" * 16}


def loudness(parts: list[Samples]) -> float:
    return integrated_loudness(Waveform(np.concatenate(parts, axis=1), SAMPLE_RATE))


@pytest.mark.parametrize(
    "genre",
    ["rock", "jazz", "house", "orchestral", "reggae", "funk", "country", "cinematic", "lofi", "salsa"],
)
def test_mix_is_balanced(genre: str) -> None:
    """Nobody drowns or dominates: not the bass, not the drums, not who leads."""
    seconds = 6.0
    _, score = score_of(MusicRequest(genre=genre), seconds)
    starts = range(0, round(seconds * SAMPLE_RATE), SECTION_FRAMES)
    levels: dict[str, float] = {}
    for index, part in enumerate(score.parts):
        if part.notes:
            track = Track(part, score, index)
            level = loudness([track.section(start, SECTION_FRAMES) for start in starts])
            levels[part.role] = max(levels.get(part.role, -99.0), level)
    if score.hits:
        drums = DrumTrack(score, 1)
        levels["drums"] = loudness([drums.section(start, SECTION_FRAMES) for start in starts])
    assert max(levels.values()) - min(levels.values()) < 12, levels
    for role in ("bass", "drums", "melody", "hands", "riff"):
        if role in levels:
            assert levels[role] > max(levels.values()) - 7.5, levels


@pytest.mark.parametrize("genre", ["rock", "orchestral", "techno", "lofi"])
@pytest.mark.parametrize("named", ["flute", "trumpet", "banjo", "piano"])
def test_who_is_named_is_in_front(genre: str, named: str) -> None:
    _, score = score_of(MusicRequest(genre=genre, instruments=(InstrumentRequest(named),)), 5.0)
    starts = range(0, 5 * SAMPLE_RATE, SECTION_FRAMES)
    levels = {}
    for index, part in enumerate(score.parts):
        if part.notes:
            track = Track(part, score, index)
            levels[index] = loudness([track.section(start, SECTION_FRAMES) for start in starts])
    assert levels[0] > max(levels.values()) - 3.0, levels
