"""Pieces of several sounds made at once, on a stream of their own, while steps go on.

On a GPU a piece of one sound leaves most of the device idle, and waiting for it would hold up the steps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.chunks import Made, Part
from webapp.engines.audiocraft.codec.decoder import CodecDecoder, NotFinite, SoundStream
from webapp.engines.audiocraft.decoder.capture import taken_stream


class Fetched(Protocol):
    """Numbers on their way to the host."""

    @property
    def is_there(self) -> bool: ...

    def wait(self) -> Tensor:
        """The numbers, once they are there."""
        ...


class Side(Protocol):
    """Where pieces are made beside the steps."""

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Inside, work is launched there, after what was launched before outside."""
        ...

    def fetch(self, numbers: Tensor) -> Fetched:
        """Begin to bring numbers to the host."""
        ...


class CudaSide:
    """A stream of a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = taken_stream(self, device)

    @contextmanager
    def inside(self) -> Iterator[None]:
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            yield

    def fetch(self, numbers: Tensor) -> Fetched:
        host = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
        host.copy_(numbers, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record(self._stream)
        return _FromCuda(host, done)


@dataclass(frozen=True, slots=True)
class _FromCuda:
    host: Tensor
    done: torch.cuda.Event

    @property
    def is_there(self) -> bool:
        return bool(self.done.query())  # type: ignore[no-untyped-call]

    def wait(self) -> Tensor:
        self.done.synchronize()
        return self.host


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """Pieces that are being made together; what they are made of stays until they are there."""

    sounds: tuple[SoundStream, ...]
    parts: tuple[Part, ...]
    made: tuple[Made, ...]
    fetched: Fetched


class CodecTurn:
    """Makes pieces for sounds, at most one at a time for each."""

    def __init__(self, decoder: CodecDecoder, side: Side) -> None:
        self._decoder = decoder
        self._side = side
        self._under_way: list[_UnderWay] = []

    @torch.inference_mode()
    def begin(self, sounds: Sequence[tuple[SoundStream, int]]) -> None:
        """Begin the next pieces of sounds, of which so many frames are final. Raises torch's own errors."""
        busy = {id(sound) for batch in self._under_way for sound in batch.sounds}
        ready = [one for one in sounds if id(one[0]) not in busy and one[0].bounds(one[1]) is not None]
        if not ready:
            return
        with self._side.inside():
            due = [
                (sound, part)
                for sound, final_frames in ready
                if (part := sound.due(final_frames)) is not None
            ]
            for _kind, group in groupby(sorted(due, key=_order), key=_order):
                mine, parts = zip(*group, strict=True)
                made = self._decoder.made_of(parts)
                fetched = self._side.fetch(torch.cat([each.sound for each in made]))
                self._under_way.append(_UnderWay(mine, parts, tuple(made), fetched))

    def is_busy_with(self, sound: SoundStream) -> bool:
        """Return whether a piece of a sound is under way, or was made and not taken."""
        return any(sound in batch.sounds for batch in self._under_way)

    def take(self, sound: SoundStream, *, waits: bool) -> Samples | None:
        """A sound's piece that was begun, or None if it is not there. Raises NotFinite."""
        batch = next((batch for batch in self._under_way if sound in batch.sounds), None)
        if batch is None or not (waits or batch.fetched.is_there):
            return None
        place = batch.sounds.index(sound)
        numbers = batch.fetched.wait().chunk(len(batch.sounds))[place]
        part, made = batch.parts[place], batch.made[place]
        self._leave(batch, sound)
        try:
            return sound.settle(part, Made(numbers, made.kept, made.state))
        except NotFinite:
            sound.go_on_exactly()
            return None

    def forget(self, sound: SoundStream) -> None:
        """Nobody wants a sound any more. What it is made of stays until the device is done with it."""
        for batch in self._under_way:
            if sound in batch.sounds:
                batch.fetched.wait()
                self._leave(batch, sound)
                return

    def _leave(self, batch: _UnderWay, sound: SoundStream) -> None:
        self._under_way.remove(batch)
        numbers = batch.fetched.wait().chunk(len(batch.sounds))
        rest = [place for place, one in enumerate(batch.sounds) if one is not sound]
        if rest:
            sounds = tuple(batch.sounds[place] for place in rest)
            parts, made = (
                tuple(batch.parts[place] for place in rest),
                tuple(batch.made[place] for place in rest),
            )
            there = _There(torch.cat([numbers[place] for place in rest]))
            self._under_way.append(_UnderWay(sounds, parts, made, there))


@dataclass(frozen=True, slots=True)
class _There:
    """Numbers that are on the host already."""

    numbers: Tensor
    is_there: bool = True

    def wait(self) -> Tensor:
        return self.numbers


def _order(one: tuple[SoundStream, Part]) -> str:
    return repr(one[1].kind)
