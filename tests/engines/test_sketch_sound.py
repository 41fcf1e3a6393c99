"""The sound itself, measured: tempo, pitch, balance, level. Nothing here looks at the plan."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import find_peaks

from webapp.audio.finish import finish
from webapp.audio.levelling import CEILING_DBTP, TARGET_LUFS
from webapp.audio.loop import loop_overlap_s
from webapp.audio.loudness import integrated_loudness, true_peak
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.engines.sketch.engine import SketchEngine

pytestmark = pytest.mark.slow

FloatArray = npt.NDArray[np.float64]

TWENTY_PROMPTS = [
    "slow piano over heavy rain",
    "128 BPM techno",
    "rain",
    "solo flute in D",
    "calm ambient music with soft piano and rain sounds",
    "lofi hip hop beat with vinyl crackle",
    "epic orchestral trailer with taiko drums",
    "jazz trio, brushed drums",
    "ocean waves and distant thunder",
    "crackling campfire at night with crickets",
    "birds in a forest at dawn",
    "waltz in F# minor for strings",
    "a dog barking at the mailman",
    "雨の音とピアノ 🎹",
    "drum and bass, 174 bpm, dark",
    "bossa nova guitar",
    "very faint distant wind",
    "8-bit arcade music, fast",
    "choir in a cathedral",
    "kick drum, 100 bpm",
]


def sound_of(prompt: str, duration_s: float = 12.0, seed: int = 1, loop_s: float = 0.0) -> Waveform:
    request = GenerationRequest(prompt, duration_s + loop_s, "music", seed, loop_overlap_s=loop_s)
    (sound,) = generate_all(SketchEngine(), [request], lambda _index, _share: None, CancelToken())
    return sound


def frames_of(sound: Waveform, size: int, hop: int) -> FloatArray:
    mono = sound.samples.mean(axis=0, dtype=np.float64)
    return np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]


def measured_tempo_bpm(sound: Waveform, low_bpm: float, high_bpm: float) -> float:
    """The strongest period of the onsets (spectral flux) by autocorrelation, within the range given."""
    hop = 160
    spectra = np.log1p(100 * np.abs(np.fft.rfft(frames_of(sound, 1024, hop) * np.hanning(1024), axis=1)))
    flux = np.maximum(np.diff(spectra, axis=0), 0).sum(axis=1)
    flux -= flux.mean()
    correlation = np.correlate(flux, flux, mode="full")[flux.size - 1 :]
    rate = sound.sample_rate / hop
    # Four beats are measured in place of one, for a finer step of the lag.
    lags = np.arange(int(4 * 60 * rate / high_bpm), int(4 * 60 * rate / low_bpm) + 1)
    best = int(lags[correlation[lags].argmax()])
    return 4 * 60 * rate / best


def autocorrelated_pitch(window: FloatArray, sample_rate: int) -> tuple[float, float]:
    """Fundamental in Hz and its clarity 0 to 1: the first high peak of the normalised autocorrelation."""
    centred = window - window.mean()
    spectrum = np.fft.rfft(centred, 2 * centred.size)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: centred.size]
    correlation /= correlation[0] * (1 - np.arange(centred.size) / centred.size) + 1e-12
    low, high = sample_rate // 2000, sample_rate // 60
    peaks, _ = find_peaks(correlation[low:high])
    if not peaks.size:
        return 0.0, 0.0
    heights = correlation[low:high][peaks]
    first = peaks[np.flatnonzero(heights > 0.9 * heights.max())[0]] + low
    left, middle, right = correlation[first - 1 : first + 2]
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    return sample_rate / (first + shift), float(middle)


def pitches(sound: Waveform) -> tuple[list[float], float]:
    """Pitches (MIDI numbers with fractions) of the clearly pitched windows, and the share of those."""
    found, windows = [], frames_of(sound, 4096, 2048)
    levels = np.sqrt(np.mean(windows**2, axis=1))
    audible = windows[levels > 0.1 * levels.max()]
    for window in audible:
        frequency_hz, clarity = autocorrelated_pitch(window, sound.sample_rate)
        if clarity > 0.8:
            found.append(69 + 12 * np.log2(frequency_hz / 440))
    return found, len(found) / len(audible)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tempo_of_128_bpm_techno(seed: int) -> None:
    measured = measured_tempo_bpm(sound_of("128 BPM techno", 20.0, seed), 100, 160)
    assert measured == pytest.approx(128, rel=0.02)


@pytest.mark.parametrize(("prompt", "tempo_bpm"), [("97 bpm hip hop", 97), ("house, 122 bpm", 122)])
def test_tempo_of_others(prompt: str, tempo_bpm: float) -> None:
    sound = sound_of(prompt, 20.0)
    assert measured_tempo_bpm(sound, 0.75 * tempo_bpm, 1.3 * tempo_bpm) == pytest.approx(tempo_bpm, rel=0.02)


@pytest.mark.parametrize("prompt", ["rain", "heavy rain", "wind", "sea", "white noise"])
def test_noises_have_no_pitch(prompt: str) -> None:
    _, pitched_share = pitches(sound_of(prompt))
    assert pitched_share < 0.02


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_solo_flute_in_d_is_pitched_at_d(seed: int) -> None:
    found, pitched_share = pitches(sound_of("solo flute in D", 12.0, seed))
    assert pitched_share > 0.85
    classes = np.round(found).astype(int) % 12
    counts = np.bincount(classes, minlength=12)
    assert counts.argmax() == 2
    d_major = [2, 4, 6, 7, 9, 11, 1]
    assert counts[d_major].sum() / counts.sum() > 0.95
    off_cents = 100 * np.abs(np.array(found) - np.round(found))
    assert np.median(off_cents) < 12


@pytest.mark.parametrize(("prompt", "tonic"), [("solo violin in A minor", 9), ("solo trumpet in E flat", 3)])
def test_other_solos_keep_their_key(prompt: str, tonic: int) -> None:
    found, _ = pitches(sound_of(prompt))
    assert np.bincount(np.round(found).astype(int) % 12, minlength=12).argmax() == tonic


@pytest.mark.parametrize("prompt", TWENTY_PROMPTS)
def test_twenty_prompts_are_heard_at_the_target_and_not_clipped(prompt: str) -> None:
    sound = sound_of(prompt, 6.0)
    assert np.isfinite(sound.samples).all()
    assert integrated_loudness(sound) > -40
    finished = finish(sound, duration_s=6.0, loopable=False)
    assert integrated_loudness(finished.waveform) == pytest.approx(TARGET_LUFS, abs=0.5)
    assert true_peak(finished.waveform) <= CEILING_DBTP + 0.01
    assert finished.report.score >= 60, finished.report.reasons


def mean_power(sound: Waveform) -> FloatArray:
    spectra = np.fft.rfft(frames_of(sound, 2048, 1024) * np.hanning(2048), axis=1)
    power: FloatArray = (np.abs(spectra) ** 2).mean(axis=0)
    return power


def test_mixture_is_balanced() -> None:
    """Piano partials stand out of the rain, and the rain fills the treble where a piano has nothing."""
    treble, partials_db = {}, {}
    for prompt in ("slow piano over heavy rain", "heavy rain", "slow piano"):
        sound = sound_of(prompt)
        power = mean_power(sound)
        treble[prompt] = power[5000 * 2048 // sound.sample_rate :].sum() / power.sum()
        windows = np.abs(np.fft.rfft(frames_of(sound, 8192, 4096) * np.hanning(8192), axis=1)) ** 2
        band = windows[:, 200 * 8192 // sound.sample_rate : 1200 * 8192 // sound.sample_rate]
        partials_db[prompt] = np.median(10 * np.log10(band.max(axis=1) / np.median(band, axis=1)))
    assert treble["slow piano"] < 0.1 * treble["slow piano over heavy rain"]
    assert partials_db["heavy rain"] < 13
    assert partials_db["slow piano over heavy rain"] > 20


def test_heavy_rain_has_more_bass_than_light_rain() -> None:
    shares = []
    for prompt in ("heavy rain", "light rain"):
        power = mean_power(sound_of(prompt))
        shares.append(power[: 400 * 2048 // 44_100].sum() / power.sum())
    assert shares[0] > 2 * shares[1]


def test_sound_is_stereo() -> None:
    for prompt in ("rain", "piano and strings", "techno"):
        left, right = sound_of(prompt, 6.0).samples
        correlation = np.corrcoef(left, right)[0, 1]
        assert -0.2 < correlation < 0.999


def test_ending_comes_to_rest_and_a_loop_goes_on() -> None:
    ended = sound_of("piano and strings", 16.0)
    assert np.abs(ended.samples[:, -441:]).max() < 0.01 * np.abs(ended.samples).max()
    overlap_s = loop_overlap_s(16.0)
    looped = finish(sound_of("piano and strings", 16.0, loop_s=overlap_s), duration_s=16.0, loopable=True)
    last_second = looped.waveform.samples[:, -44_100:]
    assert last_second.std() > 0.25 * looped.waveform.samples.std()


def test_beat_goes_through_the_wrap_of_a_loop() -> None:
    """Played twice, the loop keeps the tempo over the seam: its beats fill it exactly."""
    duration_s = 10.0
    rendered = sound_of("house", duration_s, loop_s=loop_overlap_s(duration_s))
    looped = finish(rendered, duration_s=duration_s, loopable=True).waveform
    twice = Waveform(np.tile(looped.samples, 2), looped.sample_rate)
    tempo_bpm = measured_tempo_bpm(twice, 100, 150)
    beats = duration_s * tempo_bpm / 60
    assert beats == pytest.approx(round(beats), abs=0.15)
