"""Decodes the tokens of one sequence while they are being generated."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.backends import CodecBackend, State
from webapp.engines.audiocraft.codec.chunks import ChunkInput, ChunkOutput, ChunkSizes, ReceptiveField

logger = logging.getLogger(__name__)


class NotFinite(ArithmeticError):
    """The codec gave NaN or infinity."""


class ChunkedCodec(Protocol):
    """The codec as a stream uses it: with `backend`, or with `float32` as the fallback."""

    backend: CodecBackend
    float32: CodecBackend
    chunk_frames: int
    head_field: ReceptiveField
    tail_field: ReceptiveField

    def channel_tokens(self, tokens: Tensor) -> Tensor: ...

    def run_head(self, tokens: Tensor, start: int, end: int) -> Tensor: ...

    def decode_chunks(self, inputs: Sequence[ChunkInput]) -> list[ChunkOutput]: ...


class WaveformStream:
    """Decodes one sequence's tokens, chunk by chunk as they become final.

    Chunks are cut at the same frames whenever they are requested: the waveform does not depend on how fast
    the tokens came. A chunk that failed can be requested again. Where a faster backend gives samples that are
    not finite, this stream continues in float32.
    """

    def __init__(self, decoder: ChunkedCodec, tokens: Tensor) -> None:
        """`tokens` (codebooks, frames) is read when a chunk is decoded."""
        self._decoder = decoder
        self._backend = decoder.backend
        self._tokens = tokens
        self._done = 0
        self._reset()

    def _reset(self) -> None:
        """Discard the LSTM's state and output; they are recomputed from the tokens."""
        self._state: State | None = None
        # The LSTM's output that the tail still needs, and the frames where it starts and ends.
        self._hidden: Tensor | None = None
        self._hidden_from = self._hidden_until = 0

    @property
    def done_frames(self) -> int:
        """Frames whose audio was emitted."""
        return self._done

    @property
    def is_done(self) -> bool:
        return self._done == self._tokens.shape[-1]

    @torch.inference_mode()
    def next_chunk(self, final_frames: int) -> Samples | None:
        """Decode the next chunk, float32 (channels, samples); None while too few frames are final.

        Raises NotFinite, and torch's own errors.
        """
        chunk = self.next_input(final_frames)
        if chunk is None:
            return None
        try:
            return self._decode(chunk)
        except NotFinite:
            self.fall_back_to_float32()
            return self._decode(self._input(chunk.end, chunk.until))

    def next_input(self, final_frames: int) -> ChunkInput | None:
        """Return the input of the next chunk; None while too few frames are final."""
        bounds = self.next_bounds(final_frames)
        return None if bounds is None else self._input(*bounds)

    def next_bounds(self, final_frames: int) -> tuple[int, int] | None:
        """Return where the next chunk ends and where its input ends; None while too few frames are final."""
        frames = self._tokens.shape[-1]
        end = min(self._done + self._decoder.chunk_frames, frames)
        until = min(frames, end + self._decoder.tail_field.right)
        if self.is_done or final_frames < min(frames, until + self._decoder.head_field.right):
            return None
        return end, until

    def fall_back_to_float32(self) -> None:
        """Decode the next chunk in float32, from the start of the tokens. Raises NotFinite if it was."""
        if self._backend is self._decoder.float32:
            raise NotFinite("the codec's samples are not finite")
        logger.warning("the samples of %s are not finite: continuing in float32", str(self._backend))
        self._backend = self._decoder.float32
        self._reset()

    def commit(self, chunk: ChunkInput, output: ChunkOutput) -> Samples:
        """Adopt the output of a chunk and return its samples. Raises NotFinite, and then adopts nothing."""
        samples: Samples = output.audio.flatten(0, 1).numpy()
        if not np.isfinite(samples).all():
            raise NotFinite("the codec's samples are not finite")
        self._hidden, self._hidden_from = output.hidden, chunk.begin
        self._hidden_until = max(chunk.until, self._hidden_until)
        self._state, self._done = output.state, chunk.end
        return samples

    def _decode(self, chunk: ChunkInput) -> Samples:
        (output,) = self._decoder.decode_chunks([chunk])
        return self.commit(chunk, replace(output, audio=output.audio.cpu()))

    def _input(self, end: int, until: int) -> ChunkInput:
        """Return the input of the chunk from the last one to `end`; it needs frames up to `until`."""
        latent = None
        if self._hidden is None or until > self._hidden_until:
            tokens = self._decoder.channel_tokens(self._tokens)
            latent = self._decoder.run_head(tokens, self._hidden_until, until)
        begin = max(0, self._done - self._decoder.tail_field.left)
        sizes = ChunkSizes(begin - self._hidden_from, until - begin, self._done - begin, end - self._done)
        return ChunkInput(self._backend, latent, self._state, self._hidden, begin, until, end, sizes)
