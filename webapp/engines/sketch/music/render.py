"""Renders the music of a scene, section by section."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.arrange import arrange
from webapp.engines.sketch.music.balance import TARGETS_DB, drums_db, energy, gain, loudness_db, mean
from webapp.engines.sketch.music.bus import Compressor, HighPass, Reverb, Tape, pump, saturated
from webapp.engines.sketch.music.instruments.kits import DrumKit
from webapp.engines.sketch.music.instruments.players import player_for
from webapp.engines.sketch.music.instruments.sampler import SAMPLE_RATE
from webapp.engines.sketch.music.instruments.samples import sample_library
from webapp.engines.sketch.music.instruments.synthesis import panned
from webapp.engines.sketch.music.pedals import PEDALS, Amplifier, Pedal
from webapp.engines.sketch.music.piece import compose
from webapp.engines.sketch.music.request import MusicRequest
from webapp.engines.sketch.music.score import Hit, Note, PartScore, Score
from webapp.engines.sketch.music.styles import instruments

SECTION_FRAMES: Final = SAMPLE_RATE // 2
_SENDS: Final = {
    "melody": 0.8, "answer": 0.9, "harmony": 0.8, "hands": 0.6, "chords": 0.5, "ostinato": 0.5,
    "arpeggio": 0.7, "pad": 0.9, "chorale": 1.0, "cluster": 1.0, "drone": 0.8, "stabs": 0.5,
    "riff": 0.15, "bass": 0.06, "chug": 0.1, "soli": 0.8, "fanfare": 0.9, "improvised": 0.7,
    "breathed": 0.4,
}  # fmt: skip
_DRUM_SEND = 0.16
# Notes that begin within this time are one chord.
_CHORD_S: Final = 0.08
# So much of a note tells how loud it is.
_PROBE_S: Final = 0.45
# How hard the mix is pressed, from a calm piece to a wild one.
_CALM_DRIVE, _WILD_DRIVE = 1.1, 2.6
_LOWEST_HZ: Final = 22.0


class Track:
    """One instrument's notes, laid down as the piece goes on."""

    def __init__(self, part: PartScore, score: Score, seed: int) -> None:
        self._part = part
        self._about = instruments()[part.instrument]
        self._player = player_for(self._about, sample_library(), seed)
        self._tape = Tape()
        self._notes: list[Note] = list(part.notes)
        self._next = 0
        self._gain = np.float32(10 ** (part.level_db / 20)) * gain(TARGETS_DB[part.role], self._loudness_db())
        self._pedals: list[Pedal] = [Amplifier(self._about.drive)] if self._about.drive else []
        if effect := part.effect or self._about.pedal:
            self._pedals.append(PEDALS[effect](score.beat_s))
        self.send = np.float32(_SENDS[part.role])

    def section(self, start: int, frames: int) -> Samples:
        """The part from frame ``start`` on, shape (2, frames)."""
        while self._next < len(self._notes):
            note = self._notes[self._next]
            at = round(note.start_s * SAMPLE_RATE)
            if at >= start + frames:
                break
            sound = self._player.play(note.pitch, note.velocity, note.duration_s)
            self._tape.lay(self._placed(sound, note.pitch), max(0, at - start))
            self._next += 1
        samples = self._tape.take(frames)
        for pedal in self._pedals:
            samples = pedal(samples, start)
        return samples * self._gain

    def _loudness_db(self) -> float:
        """Return how loud the part is before its place in the mix is found."""

        def energy_of(note: Note) -> float:
            tried_s = min(note.duration_s, _PROBE_S)
            sound = self._player.play(note.pitch, note.velocity, tried_s)
            placed = self._placed(sound, note.pitch)
            if self._about.drive:
                placed = Amplifier(self._about.drive)(placed, 0)
            if not self._about.sustains:
                return energy(placed)
            # What is held goes on as loud as it is after its attack.
            begin, end = round(tried_s * SAMPLE_RATE / 2), round(tried_s * SAMPLE_RATE)
            return energy(placed[:, begin:end]) * 2 * note.duration_s / tried_s

        spans_s = {
            round(note.start_s / _CHORD_S): (note.start_s, note.start_s + note.duration_s)
            for note in self._notes
        }
        # Driven, several notes at once are about as loud as one.
        counted = spans_s if self._about.drive else self._notes
        together = len(counted) / max(1, len(spans_s))
        return loudness_db(list(spans_s.values()), together * mean(self._notes, energy_of))

    def _placed(self, sound: Samples, pitch: int) -> Samples:
        """Put a note between the speakers; wide instruments spread theirs by pitch."""
        if len(sound) == 2:
            return sound
        spread = self._about.width * max(-1.0, min(1.0, (pitch - 62) / 24))
        return panned(sound[0], max(-0.9, min(0.9, self._part.pan + spread)))


class DrumTrack:
    """The strokes of the kit."""

    def __init__(self, score: Score, seed: int) -> None:
        self._kit = DrumKit(score.kit, sample_library(), seed)
        self._tape = Tape()
        self._hits: list[Hit] = list(score.hits)
        self._next = 0
        self._counts: dict[str, int] = {}
        self._gain = np.float32(10 ** (score.drums_db / 20)) * self._balance(score.energy, score.kit)
        self.kicks: list[tuple[int, float]] = [
            (round(hit.start_s * SAMPLE_RATE), hit.velocity) for hit in score.hits if hit.piece == "kick"
        ]

    def _balance(self, piece_energy: float, kit: str) -> np.float32:
        """The gain that puts the drums in their place; each piece keeps its own beside the others."""
        power = 0.0
        for piece in {hit.piece for hit in self._hits}:
            hits = [hit for hit in self._hits if hit.piece == piece]
            power += len(hits) * mean(hits, lambda hit: energy(self._kit.hit(hit.piece, hit.velocity, 0)))
        spans_s = [(hit.start_s, hit.start_s) for hit in self._hits]
        return gain(drums_db(piece_energy, kit), loudness_db(spans_s, power / max(1, len(spans_s))))

    def section(self, start: int, frames: int) -> Samples:
        """The drums from frame ``start`` on, shape (2, frames)."""
        while self._next < len(self._hits):
            hit = self._hits[self._next]
            at = round(hit.start_s * SAMPLE_RATE)
            if at >= start + frames:
                break
            number = self._counts[hit.piece] = self._counts.get(hit.piece, -1) + 1
            self._tape.lay(self._kit.hit(hit.piece, hit.velocity, number), max(0, at - start))
            self._next += 1
        return self._tape.take(frames) * self._gain


def render_music(
    request: MusicRequest, duration_s: float, seed: int, *, with_ending: bool
) -> Iterator[Samples]:
    """Yield the music in sections of shape (2, n), each final, until ``duration_s`` is filled."""
    piece = compose(request, seed)
    score = arrange(piece, duration_s, with_ending=with_ending)
    tracks = [Track(part, score, seed + index) for index, part in enumerate(score.parts)]
    drums = DrumTrack(score, seed) if score.hits else None
    reverb, compressor, no_offset = Reverb(score.space), Compressor(), HighPass(_LOWEST_HZ)
    drive = _CALM_DRIVE + (_WILD_DRIVE - _CALM_DRIVE) * score.energy**2
    total = round(duration_s * SAMPLE_RATE)
    for start in range(0, total, SECTION_FRAMES):
        frames = min(SECTION_FRAMES, total - start)
        mix = np.zeros((2, frames), np.float32)
        send = np.zeros((2, frames), np.float32)
        for track in tracks:
            samples = track.section(start, frames)
            mix += samples
            send += samples * track.send
        if drums is not None:
            if score.pump:
                near = [kick for kick in drums.kicks if start - SAMPLE_RATE < kick[0] < start + frames]
                mix *= pump(frames, start, near, score.pump, score.beat_s)
            struck = drums.section(start, frames)
            mix += struck
            send += struck * np.float32(_DRUM_SEND)
        mix += reverb(send)
        yield saturated(compressor(no_offset(mix)), drive)
