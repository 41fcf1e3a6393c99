"""The inputs and outputs of a codec's chunks, and how several chunks are decoded in one batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from webapp.engines.audiocraft.codec.backends import CodecBackend, State


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The frames to the left and to the right on which an output frame depends."""

    left: int
    right: int


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """The bounds of a chunk, in frames.

    Of the hidden frames the first `dropped` are not needed any more, and the next `decoded` go through the
    tail. Of the audio that comes out, the first `repeated` frames were emitted before and `new` are new.
    """

    dropped: int
    decoded: int
    repeated: int
    new: int


@dataclass(frozen=True, slots=True)
class ChunkInput:
    """The input of one chunk of a waveform.

    `latent` goes through the LSTM from `state`, unless everything needed is in `hidden` already: the LSTM's
    output for earlier frames. The chunk ends at frame `end`; the tail sees frames `begin` to `until`.
    """

    backend: CodecBackend
    latent: Tensor | None
    state: State | None
    hidden: Tensor | None
    begin: int
    until: int
    end: int
    sizes: ChunkSizes

    @property
    def batch_key(self) -> tuple[object, ...]:
        """Return a key; inputs with equal keys can be decoded in one batch."""
        shapes = [None if each is None else each.shape for each in (self.latent, self.hidden)]
        return id(self.backend), self.state is None, *shapes, self.sizes


@dataclass(frozen=True, slots=True)
class ChunkOutput:
    """A decoded chunk: its audio (rows, channels, samples), and what the next chunk continues from."""

    audio: Tensor
    hidden: Tensor
    state: State | None


def decode_batch(
    inputs: Sequence[ChunkInput],
    run_lstm: Callable[[CodecBackend, Tensor, State | None], tuple[Tensor, State | None]],
    hop: int,
) -> list[ChunkOutput]:
    """Decode inputs with equal batch keys in one batch; `hop` is samples per frame."""
    first, count = inputs[0], len(inputs)
    sizes = first.sizes
    hidden = _concatenated([each.hidden for each in inputs])
    states = [each.state for each in inputs]
    if first.latent is not None:
        latent = torch.cat([each.latent for each in inputs if each.latent is not None])
        output, state = run_lstm(first.backend, latent, _concatenated_states(states))
        hidden = output if hidden is None else torch.cat([hidden, output], dim=-1)
        if state is not None:
            states = list(zip(*(each.chunk(count, dim=1) for each in state), strict=True))
    if hidden is None:
        raise ValueError("a chunk has no frames to decode")
    hidden = hidden[..., sizes.dropped :]
    start, end = sizes.repeated * hop, (sizes.repeated + sizes.new) * hop
    audio = first.backend.tail(hidden[..., : sizes.decoded])[..., start:end].float()
    return [ChunkOutput(*each) for each in zip(audio.chunk(count), hidden.chunk(count), states, strict=True)]


def _concatenated(tensors: Sequence[Tensor | None]) -> Tensor | None:
    present = [each for each in tensors if each is not None]
    return torch.cat(present) if present else None


def _concatenated_states(states: Sequence[State | None]) -> State | None:
    present = [state for state in states if state is not None]
    if not present:
        return None
    hidden, cell = (torch.cat(each, dim=1) for each in zip(*present, strict=True))
    return hidden, cell
