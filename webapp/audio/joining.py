"""Finishes a continuation: the original's samples, then what was generated after them, without a seam."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from webapp.audio.finish import LEVELLED_SHARE, FinishedAudio, faded_out, without_faults
from webapp.audio.fitting import fitted
from webapp.audio.levelling import Levelled, limited
from webapp.audio.loop import crossfade
from webapp.audio.loudness import integrated_loudness, true_peak
from webapp.audio.peaks import waveform_peaks
from webapp.audio.quality import assess
from webapp.audio.waveform import Samples, Waveform, frame_count

SEAM_S: Final = 0.03
"""The end of the original over which the new sound takes its place; before it the samples are the same."""


def finish_continued(
    waveform: Waveform,
    head: Waveform,
    *,
    duration_s: float,
    progressed: Callable[[float], object] = lambda _share: None,
) -> FinishedAudio:
    """Finish a generated sound whose beginning is ``head``, which was finished before.

    The samples of ``head`` are kept up to `SEAM_S` before its end, at the rate and with the channels of
    ``waveform``. The rest gets the gain at which the beginning that was generated is as loud as ``head``, and
    is limited to the ceiling. Raises ValueError if there is nothing after ``head``.
    """
    kept = fitted(head, sample_rate=waveform.sample_rate, channels=waveform.channels)
    frames = min(frame_count(duration_s, waveform.sample_rate), waveform.frames)
    if kept.frames >= frames:
        raise ValueError(f"nothing was generated after the first {kept.frames} frames")
    clean = waveform.with_samples(without_faults(waveform.samples[:, :frames]))
    gain_db = _gain_db(clean, kept)
    seam = min(frame_count(SEAM_S, waveform.sample_rate), kept.frames)
    joined = _joined(clean.samples * np.float32(10 ** (gain_db / 20)), kept.samples, seam)
    result, limited_db = limited(faded_out(clean.with_samples(joined)))
    exact = kept.frames - seam
    # Looking ahead, the limiter may have begun within the original.
    result.samples[:, :exact] = kept.samples[:, :exact]
    progressed(LEVELLED_SHARE)
    levelled = Levelled(result, integrated_loudness(result), true_peak(result), gain_db, limited_db)
    report = assess(waveform.with_samples(waveform.samples[:, :frames]), levelled)
    finished = FinishedAudio(result, report, waveform_peaks(result), kept_frames=exact)
    progressed(1.0)
    return finished


def _gain_db(generated: Waveform, head: Waveform) -> float:
    """Return the gain that makes the generated beginning as loud as the original; 0 where one is silent."""
    beginning = generated.with_samples(generated.samples[:, : head.frames])
    difference = integrated_loudness(head) - integrated_loudness(beginning)
    return difference if math.isfinite(difference) else 0.0


def _joined(generated: Samples, head: Samples, seam: int) -> Samples:
    cut = head.shape[1]
    joined = generated.copy()
    joined[:, : cut - seam] = head[:, : cut - seam]
    joined[:, cut - seam : cut] = crossfade(head[:, cut - seam :], generated[:, cut - seam : cut])
    return joined
