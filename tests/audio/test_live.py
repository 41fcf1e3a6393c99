"""A sound that is levelled, limited and encoded while it is being made."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from webapp.audio.encode import AudioFormat, quantise
from webapp.audio.levelling import CEILING_DBTP
from webapp.audio.limiter import limiter_gain_db
from webapp.audio.live.encode import LiveEncoder, can_be_streamed
from webapp.audio.live.levelling import MOST_GAIN_DB, LiveLeveller
from webapp.audio.live.limiter import LiveLimiter
from webapp.audio.loudness import integrated_loudness, true_peak
from webapp.audio.oversampling import oversampled_peaks
from webapp.audio.waveform import Samples, Waveform

RATE = 32_000
GAIN_DB = 9.0


def noise(seconds: float, *, level: float = 0.1, channels: int = 2, seed: int = 1) -> Samples:
    rng = np.random.default_rng(seed)
    samples: Samples = (level * rng.standard_normal((channels, round(seconds * RATE)))).astype(np.float32)
    return samples


def with_bursts(samples: Samples) -> Samples:
    loud = samples.copy()
    for at in range(RATE // 3, samples.shape[1] - 800, RATE // 3):
        loud[:, at : at + 700] *= 8
    return loud


def cut(samples: Samples, sizes: tuple[int, ...]) -> Iterator[Samples]:
    begin = turn = 0
    while begin < samples.shape[1]:
        size = sizes[turn % len(sizes)]
        yield samples[:, begin : begin + size]
        begin, turn = begin + size, turn + 1


def levelled(samples: Samples, *sizes: int, frames: int | None = None) -> Samples:
    leveller = LiveLeveller(RATE, frames or samples.shape[1], target_lufs=-16.0)
    parts = [leveller.feed(chunk) for chunk in cut(samples, sizes)]
    return np.concatenate([part for part in (*parts, leveller.flush()) if part is not None], axis=1)


@pytest.mark.parametrize("sizes", [(50_000,), (997, 3, 12_345)])
def test_limiting_by_chunks_is_limiting_the_whole(sizes: tuple[int, ...]) -> None:
    samples = with_bursts(noise(3.0))
    aim_dbtp = CEILING_DBTP - 0.1
    limiter = LiveLimiter(RATE, 2, gain_db=GAIN_DB, aim_dbtp=aim_dbtp)
    parts = [*(limiter.feed(chunk) for chunk in cut(samples, sizes)), limiter.flush()]

    peaks = oversampled_peaks(samples)
    gain_db = limiter_gain_db(peaks, 10 ** ((aim_dbtp - GAIN_DB) / 20), RATE // 1000, wraps=False) + GAIN_DB
    whole = samples * np.power(10.0, gain_db / 20).astype(np.float32)
    assert gain_db.min() < GAIN_DB - 6
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


def test_a_limiter_is_at_most_a_few_hundredths_of_a_second_behind() -> None:
    limiter = LiveLimiter(RATE, 2, gain_db=0.0, aim_dbtp=-1.0)
    given = sum(limiter.feed(chunk).shape[1] for chunk in cut(noise(2.0), (RATE // 2,)))
    assert given >= 1.94 * RATE


def test_what_is_levelled_does_not_depend_on_the_chunks() -> None:
    samples = with_bursts(noise(3.0))
    np.testing.assert_allclose(levelled(samples, 2 * RATE), levelled(samples, 1000, 7), atol=1e-6)


def test_a_steady_sound_comes_to_the_target_and_under_the_ceiling() -> None:
    result = Waveform(levelled(with_bursts(noise(5.0, level=0.02)), RATE // 2), RATE)
    assert true_peak(result) <= CEILING_DBTP
    assert integrated_loudness(Waveform(levelled(noise(5.0), RATE // 2), RATE)) == pytest.approx(-16, abs=0.3)


def test_the_gain_does_not_follow_the_sound() -> None:
    """What grows four times louder stays four times louder, as long as the limiter has nothing to do."""
    samples = noise(4.0, level=0.01)
    samples[:, 2 * RATE :] *= 4
    result = levelled(samples * 0.5, RATE // 2)
    before, after = (float(np.std(part)) for part in (result[:, RATE : 2 * RATE], result[:, 3 * RATE :]))
    assert after / before == pytest.approx(4, rel=0.02)


def test_a_soft_beginning_is_not_raised_without_measure() -> None:
    samples = noise(3.0, level=0.0005)
    assert float(np.std(levelled(samples, RATE)[:, RATE:])) == pytest.approx(
        0.0005 * 10 ** (MOST_GAIN_DB / 20), rel=0.02
    )


def test_silence_is_waited_through_and_then_goes_on() -> None:
    leveller = LiveLeveller(RATE, 10 * RATE, target_lufs=-16.0)
    silence = np.zeros((1, RATE), np.float32)
    assert leveller.feed(silence) is None
    first = leveller.feed(silence)
    assert first is not None
    assert not first.any()


def test_a_sound_is_cut_at_its_length_and_ends_in_silence() -> None:
    result = levelled(noise(3.0), RATE, frames=2 * RATE)
    assert result.shape == (2, 2 * RATE)
    assert abs(result[:, 0]).max() < 1e-6
    assert abs(result[:, -1]).max() < 1e-3


def test_a_sound_shorter_than_the_judgement_is_levelled_at_its_end() -> None:
    result = levelled(noise(0.3), 1000)
    assert result.shape == (2, round(0.3 * RATE))
    assert integrated_loudness(Waveform(result, RATE)) == pytest.approx(-16, abs=0.5)


def test_faults_become_silence_and_nothing_is_nothing() -> None:
    broken = noise(1.5)
    broken[:, 100:200] = np.nan
    assert np.isfinite(levelled(broken, 5000)).all()
    assert LiveLeveller(RATE, RATE, target_lufs=-16.0).flush() is None


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_what_is_encoded_piece_by_piece_is_a_whole_sound(audio_format: AudioFormat) -> None:
    pcm = quantise(Waveform(noise(2.0), RATE))
    encoder = LiveEncoder(audio_format, RATE, 2, frames=len(pcm))
    pieces = [encoder.encode(pcm[start : start + 8000]) for start in range(0, len(pcm), 8000)]
    stream = b"".join([*pieces, encoder.finish()])
    assert len(pieces[1]) > 0, "nothing can be heard before the end"
    decoded, rate = soundfile.read(io.BytesIO(stream), dtype="int16")
    assert rate == RATE
    if audio_format in (AudioFormat.WAV, AudioFormat.FLAC):
        np.testing.assert_array_equal(decoded, pcm)
    else:
        # Encoders fill their last block, and begin with a little silence.
        assert len(pcm) - 2400 <= len(decoded) <= len(pcm) + 3 * 1152


def test_mp3_has_few_sample_rates() -> None:
    assert can_be_streamed(AudioFormat.MP3, 32_000)
    assert not can_be_streamed(AudioFormat.MP3, 30_000)
    assert can_be_streamed(AudioFormat.OGG, 30_000)
