"""The whole way from a raw sound to files on disk."""

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from webapp.audio.export import warm_up, write_renditions
from webapp.audio.finish import finish
from webapp.audio.levelling import TARGET_LUFS
from webapp.audio.loop import loop_overlap_s
from webapp.audio.loudness import integrated_loudness, true_peak
from webapp.audio.waveform import Waveform

RATE = 32_000


def raw(duration_s: float) -> Waveform:
    frames = round(duration_s * RATE)
    time_s = np.arange(frames) / RATE
    rng = np.random.default_rng(7)
    sound = rng.standard_normal((2, frames)) * 0.05 * (1 + np.sin(2 * np.pi * 0.7 * time_s))
    return Waveform((sound + 0.2 * np.sin(2 * np.pi * 330 * time_s)).astype(np.float32), RATE)


@pytest.mark.parametrize("duration_s", [1.0, 2.00007, 3.33333])
@pytest.mark.parametrize("loopable", [False, True])
def test_length_and_level(duration_s: float, loopable: bool) -> None:
    sound = raw(duration_s + (loop_overlap_s(duration_s) if loopable else 0.5))
    finished = finish(sound, duration_s=duration_s, loopable=loopable)
    assert finished.waveform.frames == round(duration_s * RATE)
    assert integrated_loudness(finished.waveform) == pytest.approx(TARGET_LUFS, abs=0.5)
    assert finished.report.loudness_lufs == pytest.approx(TARGET_LUFS, abs=0.5)


def test_plain_sound_begins_and_ends_in_silence() -> None:
    samples = finish(raw(2.0), duration_s=2.0, loopable=False).waveform.samples
    assert np.abs(samples[:, [0, -1]]).max() < 1e-3


def test_loop_has_no_faded_ends() -> None:
    samples = finish(raw(3.0), duration_s=2.0, loopable=True).waveform.samples
    assert samples[:, :400].std() > 0.5 * samples.std()
    assert samples[:, -400:].std() > 0.5 * samples.std()


def test_loop_without_material_is_refused() -> None:
    with pytest.raises(ValueError, match="longer sound"):
        finish(raw(2.0), duration_s=2.0, loopable=True)


def test_shorter_sound_keeps_its_length() -> None:
    assert finish(raw(1.98), duration_s=2.0, loopable=False).waveform.duration_s == 1.98


def test_invalid_samples_and_offset_are_gone_from_the_result() -> None:
    sound = raw(2.0)
    sound.samples[0, 500:510] = np.nan
    sound.samples[1] += np.float32(0.4)
    finished = finish(sound, duration_s=2.0, loopable=False)
    assert np.isfinite(finished.waveform.samples).all()
    assert abs(finished.waveform.samples.mean()) < 1e-3
    assert finished.report.score == 0


def test_renditions_are_the_same_sound(tmp_path: Path) -> None:
    finished = finish(raw(4.0), duration_s=4.0, loopable=False)
    written = write_renditions(finished, tmp_path, "sound")
    assert {rendition.suffix for rendition in written} == {"wav", "flac", "ogg", "mp3", "png"}
    assert {path.name for path in tmp_path.iterdir()} == {
        f"sound.{rendition.suffix}" for rendition in written
    }
    for rendition in written:
        assert rendition.size_bytes == rendition.path.stat().st_size > 0
        if rendition.suffix == "png":
            continue
        frames, rate = soundfile.read(rendition.path, dtype="float32", always_2d=True)
        decoded = Waveform(np.ascontiguousarray(frames.T), rate)
        assert decoded.frames == finished.waveform.frames
        assert integrated_loudness(decoded) == pytest.approx(TARGET_LUFS, abs=0.5)
        if rendition.suffix in {"wav", "flac"}:
            assert true_peak(decoded) < -0.9
            assert np.abs(frames).max() < 1.0


def test_same_sound_gives_the_same_wav(tmp_path: Path) -> None:
    finished = finish(raw(1.0), duration_s=1.0, loopable=False)
    for stem in ("one", "two"):
        write_renditions(finished, tmp_path, stem)
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()


def test_failure_to_write_is_raised(tmp_path: Path) -> None:
    finished = finish(raw(1.0), duration_s=1.0, loopable=False)
    with pytest.raises((OSError, soundfile.SoundFileError)):
        write_renditions(finished, tmp_path / "missing", "sound")


def test_no_threads_are_left(tmp_path: Path) -> None:
    warm_up()
    before = threading.active_count()
    write_renditions(finish(raw(1.0), duration_s=1.0, loopable=False), tmp_path, "sound")
    assert threading.active_count() == before
