"""Each format comes back from the disk as the sound that went in."""

import errno
from pathlib import Path

import numpy as np
import pytest
import soundfile

from webapp.audio.encode import AudioFormat, quantise, write_audio
from webapp.audio.waveform import Waveform


def chord(sample_rate: int, duration_s: float, channels: int = 2) -> Waveform:
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    wave = sum(0.2 * np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 440.0, 1000.0))
    gains = np.linspace(1, 0.8, channels)[:, None]
    return Waveform((gains * wave).astype(np.float32), sample_rate)


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@pytest.mark.parametrize(("sample_rate", "channels"), [(32_000, 2), (16_000, 1)])
def test_round_trip(tmp_path: Path, audio_format: AudioFormat, sample_rate: int, channels: int) -> None:
    waveform = chord(sample_rate, 3.21, channels)
    path = tmp_path / f"sound.{audio_format}"
    write_audio(path, waveform, audio_format)
    decoded, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == sample_rate
    assert decoded.shape == (waveform.frames, channels)
    error = decoded.T - waveform.samples
    lossless = audio_format in {AudioFormat.WAV, AudioFormat.FLAC}
    assert np.sqrt(np.mean(error**2)) < (3e-5 if lossless else 0.02)
    spectrum = np.abs(np.fft.rfft(decoded[:, 0] * np.hanning(len(decoded))))
    loudest_hz = sorted(spectrum[: spectrum.size // 2].argsort()[-12:] * sample_rate / len(decoded))
    assert loudest_hz[0] == pytest.approx(220, abs=2)
    assert loudest_hz[-1] == pytest.approx(1000, abs=2)


@pytest.mark.parametrize(("sample_rate", "written"), [(20_000, 22_050), (37_801, 44_100), (50_000, 48_000)])
def test_mp3_has_the_next_sample_rate_that_it_knows(tmp_path: Path, sample_rate: int, written: int) -> None:
    write_audio(tmp_path / "sound.mp3", chord(sample_rate, 1.5), AudioFormat.MP3)
    decoded, rate = soundfile.read(tmp_path / "sound.mp3", dtype="float32", always_2d=True)
    assert rate == written
    assert len(decoded) == pytest.approx(1.5 * written, abs=1)
    spectrum = np.abs(np.fft.rfft(decoded[:, 0] * np.hanning(len(decoded))))
    loudest_hz = sorted(spectrum.argsort()[-9:] * rate / len(decoded))
    assert loudest_hz[0] == pytest.approx(220, abs=2)
    assert loudest_hz[-1] == pytest.approx(1000, abs=2)


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_a_full_disk_is_said_to_be_full(tmp_path: Path, audio_format: AudioFormat) -> None:
    path = tmp_path / f"sound.{audio_format}"
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as raised:
        write_audio(path, chord(32_000, 1.0), audio_format)
    assert raised.value.errno == errno.ENOSPC


def test_what_a_format_cannot_hold_is_not_blamed_on_the_disk(tmp_path: Path) -> None:
    with pytest.raises(soundfile.SoundFileError):
        write_audio(tmp_path / "sound.mp3", chord(32_000, 0.1, channels=3), AudioFormat.MP3)


def test_wav_is_pcm_16_and_equal_to_flac(tmp_path: Path) -> None:
    waveform = chord(32_000, 1.0)
    for audio_format in (AudioFormat.WAV, AudioFormat.FLAC):
        write_audio(tmp_path / f"sound.{audio_format}", waveform, audio_format)
    assert soundfile.info(tmp_path / "sound.wav").subtype == "PCM_16"
    wav, flac = (soundfile.read(tmp_path / f"sound.{name}", dtype="int16")[0] for name in ("wav", "flac"))
    np.testing.assert_array_equal(wav, flac)


def test_long_vorbis_survives(tmp_path: Path) -> None:
    """A minute in a single write would overflow the encoder's stack and kill the process."""
    waveform = chord(32_000, 60.0)
    write_audio(tmp_path / "long.ogg", waveform, AudioFormat.OGG)
    assert soundfile.info(tmp_path / "long.ogg").frames == waveform.frames


def test_dither_is_repeatable_and_turns_distortion_into_noise() -> None:
    """A tone of half a step vanishes or distorts when rounded; dithered, it is still there."""
    tone = Waveform((0.5 / 32768 * np.sin(np.arange(64_000) * 0.1)).astype(np.float32)[None], 32_000)
    first, second, other = quantise(tone, 1), quantise(tone, 1), quantise(tone, 2)
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    kept = np.vdot(first[:, 0].astype(float), np.sin(np.arange(64_000) * 0.1)) / 32_000
    assert kept == pytest.approx(0.5, abs=0.05)


def test_values_beyond_full_scale_are_held() -> None:
    loud = Waveform(np.array([[2.0, -2.0]], np.float32), 32_000)
    assert quantise(loud).tolist() == [[32767], [-32768]]
