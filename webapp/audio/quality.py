"""Scores the quality of a sound from 0 to 100, with a reason for every deduction.

Faults that make a sound unusable cap the score; lesser ones deduct points. The raw sound is judged, since
levelling could hide faults.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from webapp.audio.levelling import Levelled
from webapp.audio.loudness import loudness_range
from webapp.audio.waveform import Samples, Waveform

FULL_SCORE = 100


@dataclass(frozen=True, slots=True)
class QualityReport:
    """``score`` is 0 to 100; ``reasons`` explain the deductions in plain words, worst first.

    Loudness and true peak are those of the finished sound, -inf for silence.
    """

    score: int
    reasons: tuple[str, ...]
    loudness_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: it deducts ``penalty`` points and caps the score at ``cap``."""

    reason: str
    penalty: int = 0
    cap: int = FULL_SCORE

    @property
    def severity(self) -> int:
        return max(self.penalty, FULL_SCORE - self.cap)


def assess(raw: Waveform, levelled: Levelled) -> QualityReport:
    """Score ``raw``, the sound as generated; ``levelled`` is the same after levelling."""
    findings = sorted(_findings(raw, levelled), key=lambda finding: -finding.severity)
    score = FULL_SCORE - sum(finding.penalty for finding in findings)
    score = min([score, *(finding.cap for finding in findings)])
    reasons = tuple(finding.reason for finding in findings)
    return QualityReport(max(0, score), reasons, levelled.loudness_lufs, levelled.true_peak_dbtp)


def _findings(raw: Waveform, levelled: Levelled) -> Iterator[Finding]:
    if not np.isfinite(raw.samples).all():
        yield Finding("Contains invalid samples", cap=0)
        return
    if levelled.loudness_lufs == -math.inf:
        yield Finding("Silent", cap=0)
        return
    peak = float(np.abs(raw.samples).max())
    for check in (_clipping, _offset, _dropouts):
        yield from check(raw.samples, peak, raw.sample_rate)
    yield from _silent_share(raw)
    yield from _spectrum(raw)
    yield from _dynamics(raw, levelled)
    yield from _channels(raw.samples)


def _clipping(samples: Samples, peak: float, sample_rate: int) -> Iterator[Finding]:
    """Find flattened peaks: runs of three or more samples at the very top or bottom."""
    top = np.abs(samples) >= peak * 0.9995
    if np.count_nonzero(top) < 3:
        return
    flat = top[:, 2:] & top[:, 1:-1] & top[:, :-2]
    per_second = np.count_nonzero(flat) * sample_rate / samples.size
    if per_second >= 1:
        yield Finding("Clipped: peaks are cut flat", cap=30)


def _offset(samples: Samples, _peak: float, _sample_rate: int) -> Iterator[Finding]:
    mean = np.abs(samples.mean(axis=1, dtype=np.float64)).max()
    share = float(mean) / math.sqrt(float(np.vdot(samples, samples)) / samples.size)
    if share > 0.3:
        yield Finding("Constant offset (DC)", cap=40)
    elif share > 0.1:
        yield Finding("Slight constant offset (DC)", penalty=15)


def _dropouts(samples: Samples, peak: float, sample_rate: int) -> Iterator[Finding]:
    """Find gaps of digital silence with loud sound right before and right after."""
    silent = np.asarray((np.abs(samples) <= peak * 1e-6).all(axis=0))
    edges = np.flatnonzero(np.diff(silent.astype(np.int8)))
    shortest, context = round(0.002 * sample_rate), round(0.005 * sample_rate)
    gaps = 0
    for start, end in itertools.pairwise(edges):
        if end - start < shortest or not silent[start + 1]:
            continue
        before = np.abs(samples[:, max(0, start + 1 - context) : start + 1]).max()
        after = np.abs(samples[:, end + 1 : end + 1 + context]).max()
        # Music decays into a rest and rises from it; a dropout is abrupt at both edges.
        if min(before, after) > peak * 0.02:
            gaps += 1
    if gaps:
        yield Finding(f"Dropouts: the sound breaks off {gaps} time{'s' if gaps > 1 else ''}", cap=35)


def _silent_share(raw: Waveform) -> Iterator[Finding]:
    """Find stretches of half a second or more, 50 dB below the loud parts.

    Rests between beats are shorter.
    """
    frame = max(1, raw.sample_rate // 20)
    count = raw.frames // frame
    if count < 2:
        return
    blocks = raw.samples[:, : count * frame].reshape(raw.channels, count, frame)
    power = np.einsum("cbf,cbf->b", blocks, blocks, dtype=np.float64)
    silent = power < np.percentile(power, 95) * 1e-5
    edges = np.flatnonzero(np.diff(np.concatenate(([False], silent, [False])).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    share = float(lengths[lengths >= 10].sum()) / count
    if share > 0.2:
        yield Finding(f"Silent for {share:.0%} of its length", penalty=min(60, round(share * 80)))


def _spectrum(raw: Waveform) -> Iterator[Finding]:
    power = _mean_spectrum(raw)
    total = float(power.sum())
    if total <= 0:
        return
    top_hz = float(np.searchsorted(np.cumsum(power), 0.999 * total)) / len(power) * raw.sample_rate / 2
    if top_hz < 600:
        yield Finding(f"Dull: almost nothing above {top_hz:.0f} Hz", penalty=15)
    flatness = math.exp(float(np.log(power + total * 1e-12).mean())) / float(power.mean())
    if flatness > 0.9:
        yield Finding("Plain noise: all frequencies are equally strong", penalty=30)


def _mean_spectrum(raw: Waveform) -> npt.NDArray[np.float64]:
    """Return the mean power spectrum of the mono sum over about 200 windows of 2048 frames."""
    mono = raw.samples.mean(axis=0)
    size = min(2048, mono.size)
    windows = np.lib.stride_tricks.sliding_window_view(mono, size)
    picked = windows[:: max(1, len(windows) // 200)] * np.hanning(size).astype(np.float32)
    spectrum = rfft(picked, axis=1)
    power: npt.NDArray[np.float64] = np.mean(np.abs(spectrum[:, 1:]) ** 2, axis=0, dtype=np.float64)
    return power


def _dynamics(raw: Waveform, levelled: Levelled) -> Iterator[Finding]:
    rms = math.sqrt(float(np.vdot(raw.samples, raw.samples)) / raw.samples.size)
    crest_db = 20 * math.log10(float(np.abs(raw.samples).max()) / rms)
    if crest_db < 5:
        yield Finding(f"Squashed: peaks stand only {crest_db:.0f} dB above the average", penalty=15)
    if levelled.limited_db > 9:
        yield Finding(f"Uneven peaks: held back by up to {levelled.limited_db:.0f} dB", penalty=10)
    if levelled.gain_db > 40:
        yield Finding("Very faint before levelling", penalty=25)
    spread_lu = loudness_range(levelled.waveform)
    if spread_lu > 25:
        yield Finding(f"Very uneven loudness: a range of {spread_lu:.0f} LU", penalty=10)


def _channels(samples: Samples) -> Iterator[Finding]:
    if samples.shape[0] != 2:
        return
    energy = np.einsum("cf,cf->c", samples, samples, dtype=np.float64)
    if energy.min() < energy.max() * 1e-4:
        yield Finding("One side is silent", penalty=20)
        return
    correlation = float(np.vdot(samples[0], samples[1])) / math.sqrt(float(energy[0] * energy[1]))
    if correlation < -0.5:
        yield Finding("Sides cancel each other when played on one speaker", penalty=20)
