"""Finishes what an engine generated: exact length, loop or faded ends, level, quality score."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from webapp.audio.levelling import TARGET_LUFS, level
from webapp.audio.loop import make_loop
from webapp.audio.peaks import waveform_peaks
from webapp.audio.quality import QualityReport, assess
from webapp.audio.waveform import Samples, Waveform, frame_count

FADE_IN_S = 0.003
FADE_OUT_S = 0.012
# The share of the time that levelling takes, roughly.
LEVELLED_SHARE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class FinishedAudio:
    """A levelled sound with its quality report and its outline (see :func:`waveform_peaks`).

    Its first ``kept_frames`` are those of another file, and are written as they are there.
    """

    waveform: Waveform
    report: QualityReport
    peaks: list[int]
    kept_frames: int = 0


def finish(
    waveform: Waveform,
    *,
    duration_s: float,
    loopable: bool,
    target_lufs: float = TARGET_LUFS,
    progressed: Callable[[float], object] = lambda _share: None,
) -> FinishedAudio:
    """Finish a generated sound, levelled to ``target_lufs``.

    The result has ``duration_s`` seconds to the frame; a sound that came out shorter keeps its own
    length. For ``loopable`` the engine must have generated ``loop_overlap_s(duration_s)`` more than
    that, which is crossfaded into the start; ValueError is raised if there is nothing more. Invalid samples
    become silence and a constant offset is removed, but the score takes both into account.
    ``progressed`` is called with the share that is done, 0 to 1.
    """
    frames = frame_count(duration_s, waveform.sample_rate)
    clean = waveform.with_samples(without_faults(waveform.samples))
    if loopable:
        shaped = make_loop(clean, frames)
    else:
        shaped = _with_faded_ends(clean.with_samples(clean.samples[:, :frames]))
    levelled = level(shaped, target_lufs=target_lufs, wraps=loopable)
    progressed(LEVELLED_SHARE)
    heard = waveform.with_samples(waveform.samples[:, :frames])
    report = assess(heard, levelled)
    finished = FinishedAudio(levelled.waveform, report, waveform_peaks(levelled.waveform))
    progressed(1.0)
    return finished


def without_faults(samples: Samples) -> Samples:
    """Return a copy with silence for invalid samples, and without a constant offset."""
    clean = np.nan_to_num(samples, copy=True, nan=0.0, posinf=0.0, neginf=0.0)
    clean -= clean.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return clean


def _with_faded_ends(waveform: Waveform) -> Waveform:
    """Silence the first and last frame, so that neither end clicks."""
    faded = faded_out(waveform)
    fade_in = min(frame_count(FADE_IN_S, waveform.sample_rate), waveform.frames // 2)
    if fade_in:
        faded.samples[:, :fade_in] *= fade_rise(fade_in)
    return faded


def faded_out(waveform: Waveform) -> Waveform:
    """Return a copy that ends in silence, so that its end does not click."""
    samples = waveform.samples.copy()
    fade_out = min(frame_count(FADE_OUT_S, waveform.sample_rate), waveform.frames // 2)
    if fade_out:
        samples[:, -fade_out:] *= fade_rise(fade_out)[::-1]
    return waveform.with_samples(samples)


def fade_rise(frames: int) -> Samples:
    """Return gains that rise from 0 to nearly 1, along a cosine."""
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(frames) / frames)).astype(np.float32)
