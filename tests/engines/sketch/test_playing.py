"""How instruments are played: fingering, amplifiers, echoes, sections, riffs and strokes."""

import itertools

import numpy as np
import pytest

from webapp.engines.sketch.music.arrange import arrange
from webapp.engines.sketch.music.fretting import fretted
from webapp.engines.sketch.music.instruments.drum_synthesis import synthesised
from webapp.engines.sketch.music.instruments.sampler import PLAIN, SAMPLE_RATE, Manner, Sampler
from webapp.engines.sketch.music.instruments.samples import sample_library
from webapp.engines.sketch.music.instruments.tones import NoteRenderer
from webapp.engines.sketch.music.pedals import PEDALS, Amplifier
from webapp.engines.sketch.music.piece import compose
from webapp.engines.sketch.music.request import DrumRequest, InstrumentRequest, MusicRequest
from webapp.engines.sketch.music.score import Score
from webapp.engines.sketch.music.styles import grooves, instruments, styles

GUITAR = (40, 45, 50, 55, 59, 64)


def score_of(request: MusicRequest, seconds: float = 30.0, seed: int = 1) -> Score:
    return arrange(compose(request, seed), seconds, with_ending=True)


def test_chords_lie_under_a_hand() -> None:
    assert fretted((64, 68, 71), GUITAR) == [40, 47, 52, 56, 59, 64]
    for root, third in itertools.product(range(48, 60), (3, 4)):
        chord = (root, root + third, root + 7)
        notes = fretted(chord, GUITAR)
        assert (notes[0] - root) % 12 == 0
        assert {note % 12 for note in notes} == {note % 12 for note in chord}
        assert len(notes) >= 4


def sines(*frequencies_hz: float) -> np.ndarray:
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    mono = 0.1 * sum(np.sin(2 * np.pi * hertz * times) for hertz in frequencies_hz)
    return np.stack([mono, mono]).astype(np.float32)


def level_at(samples: np.ndarray, hertz: float) -> float:
    """The level of a partial in one second of sound, in dB below the strongest."""
    spectrum = np.abs(np.fft.rfft(samples[0] * np.hanning(samples.shape[1])))
    return float(20 * np.log10(spectrum[round(hertz)] / spectrum.max()))


def test_an_amplifier_makes_a_growl_of_a_fifth() -> None:
    """Two notes that are bent together sound a third one an octave below the lower."""
    fifth = sines(220.0, 330.0)
    assert level_at(fifth, 110) < -80
    assert level_at(Amplifier(24.0)(fifth, 0), 110) > -25


@pytest.mark.parametrize("name", ["amplifier", *sorted(PEDALS)])
def test_pedals_go_on_from_section_to_section(name: str) -> None:
    sound = sines(196.0, 247.0)

    def played(*cuts: int) -> np.ndarray:
        pedal = Amplifier(12.0) if name == "amplifier" else PEDALS[name](0.4)
        edges = itertools.pairwise((0, *cuts, sound.shape[1]))
        return np.concatenate([pedal(sound[:, start:end], start) for start, end in edges], axis=1)

    whole = played()
    assert np.abs(whole - sound).max() > 0.01
    assert np.abs(played(5000, 29_000) - whole).max() < 1e-4


def test_an_echo_repeats_after_three_quarters_of_a_beat() -> None:
    click = np.zeros((2, 2 * SAMPLE_RATE), np.float32)
    click[:, :20] = 0.5
    heard = np.abs(PEDALS["echo"](0.4)(click, 0)[0])
    delay = round(0.3 * SAMPLE_RATE)
    first, second = heard[delay : delay + 200].max(), heard[2 * delay : 2 * delay + 200].max()
    assert 0.02 < second < first < 0.5
    assert heard[1000 : delay - 100].max() < 1e-6


def test_a_note_is_the_same_whatever_was_played_before() -> None:
    """Notes of one key and several velocities do not get each other's brightness."""
    library = sample_library()
    if not library.has_samples:
        pytest.skip("the samples come with set-up")
    for program in (0, 27, 56, 65):
        font = library.font
        assert font is not None
        used = Sampler(font, 0, program)
        for velocity in (0.3, 0.52, 0.9):
            used.play(60, velocity, 0.2)
        assert used.play(60, 0.7, 0.5).tobytes() == Sampler(font, 0, program).play(60, 0.7, 0.5).tobytes()


def test_loud_brass_is_brighter_when_waves_steepen() -> None:
    library = sample_library()
    if not library.has_samples:
        pytest.skip("the samples come with set-up")

    def brightness(manner: Manner) -> float:
        sampler = library.sampler(0, 58, manner)
        assert sampler is not None
        note = sampler.play(43, 0.8, 1.0)[:SAMPLE_RATE]
        spectrum = np.abs(np.fft.rfft(note)) ** 2
        return float(spectrum[600:].sum() / spectrum.sum())

    assert brightness(Manner(steepening=0.5)) > 1.5 * brightness(PLAIN)


def test_all_brass_call_together_in_a_fanfare() -> None:
    score = score_of(MusicRequest(genre="fanfare"))
    calls = [part for part in score.parts if part.role == "fanfare"]
    assert len(calls) == 2
    starts = [{round(note.start_s, 1) for note in part.notes} for part in calls]
    assert len(starts[0] & starts[1]) > 0.8 * len(starts[0])
    assert max(note.pitch for note in calls[0].notes) > max(note.pitch for note in calls[1].notes)


def test_who_improvises_breathes() -> None:
    request = MusicRequest(genre="jazz", instruments=(InstrumentRequest("tenor sax", "improvised"),))
    (line,) = [part for part in score_of(request).parts if part.instrument == "tenor sax"]
    gaps = np.diff([note.start_s for note in line.notes])
    assert max(gaps) > 3 * np.median(gaps)
    assert len({note.pitch for note in line.notes}) > 8


def test_muted_strings_leave_the_chords_of_a_riff_to_the_other_guitar() -> None:
    score = score_of(MusicRequest(genre="metal"))
    roles = {part.role: {round(note.start_s, 2) for note in part.notes} for part in score.parts}
    assert roles["riff"]
    assert roles["chug"]
    together = roles["riff"] & roles["chug"]
    assert len(together) < 0.2 * len(roles["riff"])
    alone = score_of(
        MusicRequest(genre="metal", instruments=(InstrumentRequest("distorted guitar", "riff"),), solo=True)
    )
    assert len(alone.parts[0].notes) > len(score.parts[0].notes)


def test_reggae_drops_the_one() -> None:
    lanes = grooves()["reggae"].lanes
    assert lanes["kick"][0] == "."
    assert lanes["kick"][4] == lanes["kick"][12] == lanes["rim"][4] == "X"


@pytest.mark.parametrize("name", sorted(name for name, style in styles().items() if style.swing >= 0.25))
def test_swung_beats_have_one_stroke_off_the_beat(name: str) -> None:
    """Both the third and the fourth sixteenth would be one stroke too many: swing moves them together."""
    groove = grooves().get(styles()[name].groove)
    for line in groove.lanes.values() if groove else ():
        for beat in range(0, len(line), 4):
            assert "." in line[beat + 2 : beat + 4], (name, line)


def test_a_tabla_is_played_with_both_hands() -> None:
    piece = compose(MusicRequest(drums=DrumRequest(pieces=("tabla",))), 1)
    assert piece.drums is not None
    assert {"tabla_na", "tabla_ge", "tabla_te"} <= set(piece.drums.lanes)
    ring = synthesised("tabla_ge", 1, 0)
    bends = [dominant_hz(ring[start : start + 4096]) for start in (0, 12_000)]
    assert bends[1] > 1.1 * bends[0], "the heel of the hand raises its pitch"


def test_a_didgeridoo_speaks_without_stopping() -> None:
    about = instruments()["didgeridoo"]
    note = NoteRenderer(about.tone, 1).play(about.range[0] + 4, 1.2, 0.7)[0, : round(1.2 * SAMPLE_RATE)]
    levels = np.sqrt(np.mean(note[4410 : 4410 + 20 * 2205].reshape(20, 2205) ** 2, axis=1))
    assert levels.min() > 0.3 * levels.max()
    said = PEDALS[about.pedal](0.6)(np.stack([note, note]), 0)[0]
    centroids = [centroid_hz(part) for part in np.array_split(said, 8)]
    assert max(centroids) > 1.25 * min(centroids)


def dominant_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size), 8 * samples.size))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / (8 * samples.size)


def centroid_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    frequencies = np.fft.rfftfreq(samples.size, 1 / SAMPLE_RATE)
    return float((spectrum * frequencies).sum() / spectrum.sum())
