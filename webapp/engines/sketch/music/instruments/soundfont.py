"""Reads SoundFont files whose samples are Ogg Vorbis (.sf3), one instrument at a time.

The layout is that of the SoundFont 2.04 specification (Creative/E-mu, 2006), with the one change of the sf3
form: a sample's offsets are those of a compressed stream within the sample chunk, and its loop points count
from the sample's own first frame. Opening a font reads its tables, some 200 kB; a sample is decoded when it
is first played.
"""

import io
import itertools
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

FloatArray: TypeAlias = npt.NDArray[np.float32]
Generators: TypeAlias = dict[int, int]

# Numbers of generators, as the specification counts them.
START_LOOP, END_LOOP, FILTER_CUTOFF, PAN = 2, 3, 8, 17
ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 34, 35, 36, 37, 38
INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, ATTENUATION = 41, 43, 44, 48
COARSE_TUNE, FINE_TUNE, SAMPLE, SAMPLE_MODES, SCALE_TUNING, ROOT_KEY = 51, 52, 53, 54, 56, 58
# Where a zone says nothing. Times are in timecents, cutoff in cents, levels in centibels.
_DEFAULTS: Final = {
    FILTER_CUTOFF: 13500, ATTACK: -12000, HOLD: -12000, DECAY: -12000, RELEASE: -12000, SCALE_TUNING: 100,
    ROOT_KEY: -1,
}  # fmt: skip
# What a preset adds to its instruments; a range narrows instead.
_NOT_ADDED: Final = frozenset({INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, SAMPLE, SAMPLE_MODES, ROOT_KEY})
_WHOLE_RANGE: Final = 127 << 8
_COMPRESSED: Final = 0x10


class SoundFontError(Exception):
    """A file is no SoundFont of this form, or is damaged."""


@dataclass(frozen=True, slots=True)
class SampleHeader:
    """Where a sample lies, and how it was recorded. Loop points are frames of the sample."""

    name: str
    start: int
    end: int
    loop_start: int
    loop_end: int
    sample_rate: int
    root_key: int
    correction_cents: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A sample with the keys and velocities it is for, and how it is to be played."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    sample: int
    generators: Mapping[int, int]

    def get(self, generator: int) -> int:
        return self.generators.get(generator, _DEFAULTS.get(generator, 0))

    def holds(self, key: int, velocity: int) -> bool:
        return self.keys[0] <= key <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]


class SoundFont:
    """An open font. Presets are named by bank and program; bank 128 holds the drum kits."""

    def __init__(self, path: Path) -> None:
        """Raises SoundFontError, OSError."""
        self._data = path.read_bytes()
        try:
            self._chunks = dict(_chunks(self._data))
            self.samples = list(self._sample_headers())
        except (struct.error, KeyError, IndexError) as error:
            raise SoundFontError(f"{path.name} is no SoundFont, or is damaged") from error
        self._decoded: dict[int, FloatArray] = {}

    def zones(self, bank: int, program: int) -> tuple[Zone, ...]:
        """The zones of a preset; none if the font has no such preset."""
        found = self._presets.get((bank, program))
        if found is None:
            return ()
        return tuple(
            zone
            for preset in self._bags("pbag", "pgen", *found)
            if INSTRUMENT in preset
            for zone in self._instrument_zones(preset)
        )

    def sample(self, number: int) -> FloatArray:
        """The frames of a sample, shape (frames,), decoded once. Raises SoundFontError."""
        if number not in self._decoded:
            header = self.samples[number]
            start, _ = self._chunks["smpl"]
            stream = io.BytesIO(self._data[start + header.start : start + header.end])
            try:
                frames, _ = soundfile.read(stream, dtype="float32")
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise SoundFontError(f"the sample {header.name} cannot be decoded") from error
            self._decoded[number] = frames if frames.ndim == 1 else frames[:, 0].copy()
        return self._decoded[number]

    @cached_property
    def _presets(self) -> dict[tuple[int, int], tuple[int, int]]:
        """From bank and program to the first and last bag of a preset."""
        records = list(self._records("phdr", "<20sHHHIII"))
        return {
            (bank, program): (first, following[3])
            for (_, program, bank, first, *_), following in itertools.pairwise(records)
        }

    def _instrument_zones(self, preset: Generators) -> Iterator[Zone]:
        records = self._instruments
        index = preset[INSTRUMENT]
        shared: Generators = {}
        for own in self._bags("ibag", "igen", records[index][1], records[index + 1][1]):
            if SAMPLE not in own:
                # The first zone without a sample is what the others begin with.
                shared = own
                continue
            generators = {**shared, **own}
            for generator, amount in preset.items():
                if generator not in _NOT_ADDED:
                    base = generators.get(generator, _DEFAULTS.get(generator, 0))
                    generators[generator] = base + amount
            keys = _narrowed(generators.get(KEY_RANGE), preset.get(KEY_RANGE))
            velocities = _narrowed(generators.get(VELOCITY_RANGE), preset.get(VELOCITY_RANGE))
            if keys[0] <= keys[1] and velocities[0] <= velocities[1]:
                yield Zone(keys, velocities, own[SAMPLE], generators)

    @cached_property
    def _instruments(self) -> list[tuple[bytes, int]]:
        return [(name, bag) for name, bag in self._records("inst", "<20sH")]

    def _bags(self, bags: str, generators: str, first: int, last: int) -> Iterator[Generators]:
        """The generators of each bag; amounts are signed, but for ranges and indices."""
        starts = [start for start, _ in self._records(bags, "<HH", first, last + 1)]
        for start, end in itertools.pairwise(starts):
            yield {
                number: amount if number in _NOT_ADDED or amount < 1 << 15 else amount - (1 << 16)
                for number, amount in self._records(generators, "<HH", start, end)
            }

    def _records(
        self, chunk: str, form: str, first: int = 0, last: int | None = None
    ) -> list[tuple[Any, ...]]:
        """The records of a table from ``first`` to before ``last``, its fields as ``form`` says."""
        start, end = self._chunks[chunk]
        size = struct.calcsize(form)
        stop = end if last is None else start + last * size
        return list(struct.iter_unpack(form, self._data[start + first * size : stop]))

    def _sample_headers(self) -> Iterator[SampleHeader]:
        records = self._records("shdr", "<20sIIIIIBbHH")
        for name, start, end, loop_start, loop_end, rate, root, cents, _, kind in records[:-1]:
            if not kind & _COMPRESSED:
                raise KeyError("a sample that is not compressed")
            yield SampleHeader(
                name.split(b"\0")[0].decode("latin-1"), start, end, loop_start, loop_end, rate, root, cents
            )


def _chunks(data: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    """From the name of each chunk to where its content begins and ends."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise KeyError("sfbk")
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"LIST":
            at += 4
            continue
        yield name.decode("latin-1"), (at, at + size)
        at += size + size % 2


def _narrowed(own: int | None, outer: int | None) -> tuple[int, int]:
    """The range that an instrument's zone and its preset allow; the low byte is the low end."""
    first, second = (_WHOLE_RANGE if value is None else value for value in (own, outer))
    return max(first & 0xFF, second & 0xFF), min(first >> 8, second >> 8)
