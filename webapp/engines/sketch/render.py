"""From a plan and its score to samples: stems at their place in the mix, reverb, ends."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from webapp.audio.loudness import integrated_loudness
from webapp.audio.waveform import Samples, Waveform
from webapp.engines.sketch.arrange import arrange
from webapp.engines.sketch.drums import KIT_VARIANTS, DrumKit
from webapp.engines.sketch.instruments import NoteRenderer
from webapp.engines.sketch.plan import Hit, Note, Part, Plan, Score
from webapp.engines.sketch.synthesis import SAMPLE_RATE, panned
from webapp.engines.sketch.textures import add_texture, chunk_count

# Loudness of each stem in the mix. Levelling comes later; only the differences matter.
_STEM_LUFS = {
    "melody": -20.0,
    "hands": -19.5,
    "chords": -23.0,
    "arpeggio": -22.5,
    "pad": -25.0,
    "bass": -22.0,
}
_DRUMS_LUFS = -20.5
_TEXTURE_LUFS = -23.0
_SEND = {"melody": 1.0, "hands": 0.8, "chords": 0.7, "arpeggio": 0.9, "pad": 1.0, "bass": 0.1}
_DRUM_SEND = 0.25
_PANS = (0.0, 0.3, -0.3, 0.45, -0.45, 0.15, -0.15)

_EVENTS_PER_STEP = 24
_REVERB_STEP_FRAMES = 1 << 17
_REVERB_S = 1.9
_FADE_SHARE, _MAX_FADE_S = 0.06, 1.6
_MEASURED_FRAMES = 12 * SAMPLE_RATE


class Rendering:
    """One sound in the making. ``steps`` does the work piece by piece; then ``samples`` holds it."""

    def __init__(self, plan: Plan, frames: int, *, with_ending: bool) -> None:
        self._plan = plan
        self._frames = frames
        self._with_ending = with_ending
        self._score: Score = arrange(plan, frames / SAMPLE_RATE, with_ending=with_ending)
        self.samples: Samples = np.zeros((2, frames), np.float32)
        self._send: Samples = np.zeros((2, frames if self._has_reverb else 1), np.float32)

    @property
    def _has_reverb(self) -> bool:
        return self._plan.space > 0 and bool(self._plan.parts or self._plan.drums)

    def step_count(self) -> int:
        """How many steps :meth:`steps` will take."""
        events = [len(notes) for notes in self._score.notes] + [len(self._score.hits)]
        steps = sum(-(-count // _EVENTS_PER_STEP) for count in events)
        steps += chunk_count(self._frames) * len(self._plan.textures)
        if self._has_reverb:
            steps += -(-self._frames // _REVERB_STEP_FRAMES)
        return steps + 1

    def steps(self) -> Iterator[None]:
        """Render; yields after every step, the place to report progress and to stop."""
        for index, (part, notes) in enumerate(zip(self._plan.parts, self._score.notes, strict=True)):
            yield from self._part(index, part, notes)
        if self._plan.drums is not None:
            yield from self._drums(self._score.hits)
        for index, layer in enumerate(self._plan.textures):
            stem = np.zeros((2, self._frames), np.float32)
            for _ in add_texture(stem, layer, self._seed(200 + index)):
                yield
            self._mix(stem, _TEXTURE_LUFS + layer.level_db + (4.0 * (layer.intensity - 0.5)), 0.0)
        if self._has_reverb:
            yield from self._reverb()
        self._end()
        yield

    def _seed(self, number: int) -> int:
        return (self._plan.seed + number * 0x9E3779B97F4A7C15) % 2**64

    def _part(self, index: int, part: Part, notes: tuple[Note, ...]) -> Iterator[None]:
        renderer = NoteRenderer(part.instrument, self._seed(index))
        stem = np.zeros((2, self._frames), np.float32)
        pan = _PANS[index % len(_PANS)] if part.style != "bass" else 0.0
        for number, note in enumerate(notes, 1):
            sound = renderer.note(note.pitch, note.duration_s, note.velocity) * np.float32(note.velocity**1.5)
            _add(stem, panned(sound[0], pan) if len(sound) == 1 else sound, note.start_s)
            if number % _EVENTS_PER_STEP == 0 or number == len(notes):
                yield
        self._mix(stem, _STEM_LUFS[part.style] + part.level_db, _SEND[part.style])

    def _drums(self, hits: tuple[Hit, ...]) -> Iterator[None]:
        kit = DrumKit(self._seed(100))
        stem = np.zeros((2, self._frames), np.float32)
        for number, hit in enumerate(hits, 1):
            sound = kit.hit(hit.piece, (number * 7) % KIT_VARIANTS) * np.float32(hit.velocity)
            _add(stem, sound, hit.start_s)
            if number % _EVENTS_PER_STEP == 0 or number == len(hits):
                yield
        level_db = self._plan.drums.level_db if self._plan.drums else 0.0
        self._mix(stem, _DRUMS_LUFS + level_db, _DRUM_SEND)

    def _mix(self, stem: Samples, target_lufs: float, send: float) -> None:
        """Add a stem at its loudness, judged by its first seconds, where its level is already typical."""
        loudness = integrated_loudness(Waveform(stem[:, :_MEASURED_FRAMES], SAMPLE_RATE))
        if loudness == -math.inf:
            loudness = integrated_loudness(Waveform(stem, SAMPLE_RATE))
        if loudness == -math.inf:
            return
        stem *= np.float32(10 ** ((target_lufs - loudness) / 20))
        self.samples += stem
        if self._has_reverb and send:
            self._send += stem * np.float32(send)

    def _reverb(self) -> Iterator[None]:
        """Convolve the send with a decaying stereo noise, block by block (overlap and add)."""
        response = _room(self._plan.space, np.random.default_rng(self._seed(300)))
        size = next_fast_len(_REVERB_STEP_FRAMES + response.shape[1], real=True)
        spectrum = rfft(response, size)
        wet = np.float32(0.55 * self._plan.space)
        for start in range(0, self._frames, _REVERB_STEP_FRAMES):
            block = self._send[:, start : start + _REVERB_STEP_FRAMES]
            tail = irfft(rfft(block, size) * spectrum, size)
            room = min(size, self._frames - start)
            self.samples[:, start : start + room] += wet * tail[:, :room]
            yield

    def _end(self) -> None:
        if not self._with_ending:
            return
        duration_s = self._frames / SAMPLE_RATE
        fade = round(min(_MAX_FADE_S, duration_s * _FADE_SHARE) * SAMPLE_RATE)
        if fade:
            self.samples[:, -fade:] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2


def render(plan: Plan, frames: int, *, with_ending: bool, after_step: Callable[[float], None]) -> Waveform:
    """Render ``plan``; ``after_step`` gets the share of the work done and may raise to stop."""
    rendering = Rendering(plan, frames, with_ending=with_ending)
    total = rendering.step_count()
    for done, _ in enumerate(rendering.steps(), 1):
        after_step(done / total)
    return Waveform(rendering.samples, SAMPLE_RATE)


def _add(stem: Samples, sound: Samples, start_s: float) -> None:
    start = round(start_s * SAMPLE_RATE)
    room = min(sound.shape[1], stem.shape[1] - start)
    if room > 0:
        stem[:, start : start + room] += sound[:, :room]


def _room(space: float, rng: np.random.Generator) -> Samples:
    """Impulse response of shape (2, frames): noise that decays, its treble faster than its bass."""
    frames = round(_REVERB_S * (0.4 + 0.6 * space) * SAMPLE_RATE)
    time_s = np.arange(frames, dtype=np.float32) / np.float32(SAMPLE_RATE)
    bright = rng.standard_normal((2, frames), np.float32)
    dark = np.cumsum(bright, axis=1)
    dark[:, 8:] -= dark[:, :-8].copy()
    decay_s = 0.11 + 0.28 * space
    response = 0.35 * bright * np.exp(-time_s / np.float32(decay_s * 0.45)) + 0.3 * dark * np.exp(
        -time_s / np.float32(decay_s)
    )
    response *= np.minimum(1, time_s / 0.012)
    normalised: Samples = response / np.float32(np.sqrt(np.sum(response**2, dtype=np.float64) / 2))
    return normalised
