"""Plays notes with the samples of a SoundFont: pitch, loop, envelope, velocity."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from webapp.engines.sketch.music.instruments.soundfont import (
    ATTACK,
    ATTENUATION,
    COARSE_TUNE,
    DECAY,
    END_LOOP,
    FILTER_CUTOFF,
    FINE_TUNE,
    HOLD,
    RELEASE,
    ROOT_KEY,
    SAMPLE_MODES,
    SCALE_TUNING,
    START_LOOP,
    SUSTAIN,
    FloatArray,
    SoundFont,
    Zone,
)

SAMPLE_RATE: Final = 44_100
_MIN_RELEASE_S, _MAX_RELEASE_S = 0.03, 3.0
_MIN_ATTACK_S = 0.002
_SILENT_DB = -96.0
_RELEASE_DB = 70.0
_LOOPS_ALWAYS, _LOOPS_UNTIL_RELEASE = 1, 3
# Velocities are gathered into so many shades of brightness. Where the font has its own sound for each
# velocity, it is asked for these: what is middling for a player is firm on a keyboard.
_TOUCHES: Final = (60, 88, 106, 122)
_SHADES: Final = len(_TOUCHES)
_SHADE_CENTS: Final = 700
_OPEN_CENTS = 12500
_SEAM_FRAMES = 96
_VIBRATO_AFTER_S: Final = 0.25
# How fast one comes up to a note from a little below, beside how far.
_SCOOP_S, _SCOOP_CENTS_PER_S = 0.02, 900.0
_ACCENT_S: Final = 0.16
_KEPT_FRAMES = 30 * SAMPLE_RATE
_BLOCK_FRAMES = SAMPLE_RATE // 2
_MOST_AHEAD_FRAMES: Final = 512


@dataclass(frozen=True, slots=True)
class Manner:
    """A way of playing, beyond what was recorded.

    A note is come up to from ``scoop_cents`` below. ``accent`` is the share of its level that a held note
    soon loses. ``steepening`` from 0 to 1 is how far loud waves grow steep on their way through a tube,
    which is what makes brass blare. ``release_s`` is for hands that stop strings sooner than the font says.
    """

    detune_cents: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.1
    scoop_cents: float = 30.0
    accent: float = 0.0
    steepening: float = 0.0
    release_s: float = 0.0


PLAIN: Final = Manner()


@dataclass(frozen=True, slots=True)
class _Key:
    """The key of a note's plain sound, before its envelope."""

    sample: int
    key: int
    shade: int
    cutoff_cents: int


class Sampler:
    """One preset of a font. Notes of the same key share the work of resampling."""

    def __init__(
        self,
        font: SoundFont,
        bank: int,
        program: int,
        manner: Manner = PLAIN,
    ) -> None:
        """Raises ValueError if the font has no such preset."""
        self._font = font
        self._manner = manner
        self._zones = font.zones(bank, program)
        if not self._zones:
            raise ValueError(f"the font has no preset {bank}:{program}")
        self._shaded_by_font = _with_several_cutoffs(self._zones)
        self._plain: OrderedDict[_Key, FloatArray] = OrderedDict()
        self._kept = 0

    def play(self, key: int, velocity: float, duration_s: float) -> FloatArray:
        """Render one note with its release, shape (frames,). ``velocity`` runs from 0 to 1.

        A key outside the instrument's range is played by its nearest zone. Raises SoundFontError.
        """
        midi = _TOUCHES[_shade(velocity)]
        zones = [zone for zone in self._zones if zone.holds(key, midi)] or [self._nearest(key, midi)]
        voices = [self._voice(zone, key, velocity, duration_s) for zone in zones[:2]]
        mixed = np.zeros(max(len(voice) for voice in voices), np.float32)
        for voice in voices:
            mixed[: len(voice)] += voice
        return mixed

    def _nearest(self, key: int, velocity: int) -> Zone:
        def distance(zone: Zone) -> int:
            return max(zone.keys[0] - key, key - zone.keys[1], 0) * 128 + max(
                zone.velocities[0] - velocity, velocity - zone.velocities[1], 0
            )

        return min(self._zones, key=distance)

    def _voice(self, zone: Zone, key: int, velocity: float, duration_s: float) -> FloatArray:
        release_s = self._manner.release_s or _seconds(zone.get(RELEASE))
        release_s = min(_MAX_RELEASE_S, max(_MIN_RELEASE_S, release_s))
        frames = max(1, round((duration_s + release_s) * SAMPLE_RATE))
        plain = self._resampled(zone, key, _shade(velocity), frames)
        level = 10 ** (-zone.get(ATTENUATION) * 0.4 / 200) * velocity**1.6
        voice: FloatArray = plain * _envelope(zone, len(plain), duration_s, release_s)
        voice *= np.float32(level)
        if self._manner.accent:
            voice *= _accented(len(voice), self._manner.accent)
        return voice

    def _resampled(self, zone: Zone, key: int, shade: int, frames: int) -> FloatArray:
        darker = 0 if zone.sample in self._shaded_by_font else _SHADE_CENTS * (_SHADES - 1 - shade)
        cutoff_cents = zone.get(FILTER_CUTOFF) - darker
        name = _Key(zone.sample, key, shade if self._manner.steepening else 0, cutoff_cents)
        known = self._plain.get(name)
        if known is None or (len(known) < frames and self._loops(zone)):
            # With what steep waves read ahead, so that no frame depends on where the rendering ends.
            blocks = -(-frames // _BLOCK_FRAMES) * _BLOCK_FRAMES
            wanted = blocks + _MOST_AHEAD_FRAMES if self._loops(zone) else None
            known = _darkened(self._at_pitch(zone, key, wanted), cutoff_cents)
            if self._manner.steepening:
                known = _steepened(known, key, self._manner.steepening * (shade + 1) / _SHADES)
            known = known if wanted is None else known[:blocks]
            self._keep(name, known)
        else:
            self._plain.move_to_end(name)
        return known[:frames]

    def _keep(self, name: _Key, plain: FloatArray) -> None:
        self._kept += len(plain) - len(self._plain.pop(name, ()))
        self._plain[name] = plain
        while self._kept > _KEPT_FRAMES and len(self._plain) > 1:
            _, dropped = self._plain.popitem(last=False)
            self._kept -= len(dropped)

    @staticmethod
    def _loops(zone: Zone) -> bool:
        return zone.get(SAMPLE_MODES) in {_LOOPS_ALWAYS, _LOOPS_UNTIL_RELEASE}

    def _at_pitch(self, zone: Zone, key: int, wanted: int | None) -> FloatArray:
        """The sample read at the speed of the key: all of it, or its loop repeated as long as wanted."""
        header, sample = self._font.samples[zone.sample], self._font.sample(zone.sample)
        root = zone.get(ROOT_KEY) if zone.get(ROOT_KEY) >= 0 else header.root_key
        tuned = 100 * zone.get(COARSE_TUNE) + zone.get(FINE_TUNE) + header.correction_cents
        cents = (key - root) * zone.get(SCALE_TUNING) + tuned + self._manner.detune_cents
        step = header.sample_rate / SAMPLE_RATE * 2 ** (cents / 1200)
        frames = int((len(sample) - 1) / step) if wanted is None else wanted
        places = np.arange(frames) * step
        if self._manner.vibrato_cents:
            places += _moved(frames, self._manner) * step
        start = header.loop_start + zone.get(START_LOOP)
        end = min(header.loop_end + zone.get(END_LOOP), len(sample) - 1)
        if wanted is not None and end - start > 1:
            first = int(np.searchsorted(places, end))
            places[first:] = start + (places[first:] - start) % (end - start)
            sample = _seamless(sample, start, end)
        places = places[: np.searchsorted(places, len(sample) - 1)]
        whole = np.minimum(places.astype(np.int32), len(sample) - 2)
        part = (places - whole).astype(np.float32)
        below = sample[whole]
        read: FloatArray = below + part * (sample[whole + 1] - below)
        return read


def _shade(velocity: float) -> int:
    return min(_SHADES - 1, int(velocity * _SHADES))


def _with_several_cutoffs(zones: Sequence[Zone]) -> frozenset[int]:
    """The samples that the font itself makes darker for soft notes."""
    cutoffs: dict[int, set[int]] = {}
    for zone in zones:
        cutoffs.setdefault(zone.sample, set()).add(zone.get(FILTER_CUTOFF))
    return frozenset(sample for sample, found in cutoffs.items() if len(found) > 1)


def _darkened(plain: FloatArray, cutoff_cents: int) -> FloatArray:
    """Take treble away above a cutoff in cents over 8.176 Hz."""
    if cutoff_cents >= _OPEN_CENTS:
        return plain
    cutoff_hz = min(0.45 * SAMPLE_RATE, max(200.0, 8.176 * 2 ** (cutoff_cents / 1200)))
    filtered: FloatArray = sosfilt(butter(2, cutoff_hz, fs=SAMPLE_RATE, output="sos"), plain).astype(
        np.float32
    )
    return filtered


def _steepened(plain: FloatArray, key: int, amount: float) -> FloatArray:
    """Let the crests of the wave run ahead of its troughs, as those of loud sound in a long tube do.

    The peak that counts is that of the first block, which a longer rendering has as well.
    """
    period = SAMPLE_RATE / (440 * 2 ** ((key - 69) / 12))
    peak = max(1e-6, float(np.abs(plain[:_BLOCK_FRAMES]).max()))
    ahead = np.float32(amount * period / (2 * np.pi * peak)) * plain
    ahead = np.clip(ahead, -_MOST_AHEAD_FRAMES + 2, _MOST_AHEAD_FRAMES - 2)
    places = np.clip(np.arange(len(plain)) + ahead, 0, max(0, len(plain) - 2))
    whole = places.astype(np.int32)
    part = (places - whole).astype(np.float32)
    steep: FloatArray = plain[whole] + part * (plain[np.minimum(whole + 1, len(plain) - 1)] - plain[whole])
    return steep


@lru_cache(maxsize=8)
def _accented(frames: int, accent: float) -> FloatArray:
    """A level that falls a little after a note's beginning."""
    fall = np.exp(np.arange(frames, dtype=np.float32) / np.float32(-_ACCENT_S * SAMPLE_RATE))
    level: FloatArray = np.float32(1 - accent) + np.float32(accent) * fall
    return level


def _seamless(sample: FloatArray, start: int, end: int) -> FloatArray:
    """Let the end of a loop pass into what comes before its start, and the frame after it be its first."""
    looped = sample[: end + 1].copy()
    seam = min(_SEAM_FRAMES, start, (end - start) // 4)
    if seam > 0:
        share = np.linspace(0, 1, seam, endpoint=False, dtype=np.float32)
        looped[end - seam : end] += share * (sample[start - seam : start] - sample[end - seam : end])
    looped[end] = looped[start]
    return looped


@lru_cache(maxsize=16)
def _moved(frames: int, manner: Manner) -> FloatArray:
    """Return how far the attack, and vibrato after it, move the place that is read in a sample, in frames."""
    times = np.arange(frames) / SAMPLE_RATE
    onset = np.clip((times - _VIBRATO_AFTER_S) / _VIBRATO_AFTER_S, 0, 1)
    waves = np.sin(2 * np.pi * manner.vibrato_hz * times)
    scoop = -manner.scoop_cents * np.exp(-times / (_SCOOP_S + manner.scoop_cents / 2 / _SCOOP_CENTS_PER_S))
    moved: FloatArray = np.cumsum(2 ** ((manner.vibrato_cents * onset * waves + scoop) / 1200) - 1)
    return moved


def _envelope(zone: Zone, frames: int, duration_s: float, release_s: float) -> FloatArray:
    """Attack, hold, decay to the sustained level, and a release from where the note then is."""
    attack_s, hold_s = max(_MIN_ATTACK_S, _seconds(zone.get(ATTACK))), _seconds(zone.get(HOLD))
    decay_s = max(0.005, _seconds(zone.get(DECAY)))
    sustain_db = max(_SILENT_DB, -zone.get(SUSTAIN) / 10)
    envelope = np.ones(frames, np.float32)
    if sustain_db < 0:
        # The specification's decay time is that of a fall by 100 dB.
        begin = min(frames, _frames(attack_s + hold_s))
        end = min(frames, begin + _frames(decay_s * -sustain_db / 100))
        _fall(envelope[begin:end], -100 / decay_s)
        envelope[end:] = 10 ** (sustain_db / 20)
    rise = min(frames, _frames(attack_s))
    envelope[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    _fall(envelope[min(frames, _frames(duration_s)) :], -_RELEASE_DB / release_s)
    return envelope


def _fall(envelope: FloatArray, slope_db: float) -> None:
    """Let an envelope fall by so many decibels each second, in place."""
    times = np.arange(len(envelope), dtype=np.float32)
    envelope *= np.exp(times * np.float32(slope_db / SAMPLE_RATE * np.log(10) / 20))


def _frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _seconds(timecents: int) -> float:
    return 0.0 if timecents <= -12000 else float(2 ** (timecents / 1200))
