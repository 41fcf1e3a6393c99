"""Tokens to sound in pieces, so that memory does not grow with length.

EnCodec's decoder is a convolution, an LSTM, and a stack of upsampling convolutions. The convolutions
look a few frames to either side, so each piece is given that many more and cut back to size. The LSTM
looks at everything before: its state is carried from piece to piece. The result is that of decoding the
whole, but for rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.health import NotFinite

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel

CHUNK_FRAMES = 250
PROBE_FRAMES = 16


@dataclass(frozen=True, slots=True)
class Reach:
    """How many frames to the left and to the right an output frame depends on."""

    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Memory:
    """The recurrent part of a decoder."""

    lstm: nn.LSTM
    adds_input: bool


class CodecDecoder:
    """Decodes tokens with AudioCraft's codec, mono or interleaved stereo."""

    def __init__(self, codec: "CompressionModel", chunk_frames: int = CHUNK_FRAMES) -> None:
        """Raises ValueError for a codec whose output depends on frames arbitrarily far ahead."""
        self._stereo = codec if hasattr(codec, "get_left_right_codes") else None
        self._core = codec.model if self._stereo is not None else codec
        self.chunk_frames = chunk_frames
        self._head, self._memory, self._tail = _parts(self._core)
        self._head_reach, self._tail_reach, self._hop = self._measure()

    @property
    def hop(self) -> int:
        """Samples per frame."""
        return self._hop

    @torch.no_grad()
    def decode(self, tokens: Tensor, after_chunk: Callable[[float], None] = lambda _: None) -> Samples:
        """Sound of tokens (codebooks, frames): float32 (channels, frames × hop).

        `after_chunk` is told the share that is done, and stops the decoding by raising. Raises
        NotFinite.
        """
        rows = tokens[None]
        if self._stereo is not None:
            rows = torch.cat(self._stereo.get_left_right_codes(rows))
        frames = rows.shape[-1]
        samples = np.empty((len(rows) * int(self._core.channels), frames * self._hop), dtype=np.float32)
        for start, piece in self._pieces(rows):
            if not bool(torch.isfinite(piece).all()):
                raise NotFinite("the codec gave numbers that are not finite")
            end = start + piece.shape[-1]
            samples[:, start:end] = piece.flatten(0, 1).float().cpu().numpy()
            after_chunk(end / samples.shape[-1])
        return samples

    def _pieces(self, rows: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield pieces of sound (rows, channels, samples) with the sample at which each begins."""
        frames, reach = rows.shape[-1], self._tail_reach
        state: tuple[Tensor, Tensor] | None = None
        kept_from = made = 0
        kept: Tensor | None = None
        for start, end in _cuts(frames, self.chunk_frames):
            until = min(frames, end + reach.right)
            if until > made:
                hidden, state = self._through_lstm(self._through_head(rows, made, until), state)
                kept = hidden if kept is None else torch.cat([kept, hidden], dim=-1)
                made = until
            if kept is None:
                raise ValueError("there is nothing to decode")
            begin = max(0, start - reach.left)
            kept, kept_from = kept[..., begin - kept_from :], begin
            sound = self._tail(kept[..., : until - begin])
            cut = (start - begin) * self._hop
            yield start * self._hop, sound[..., cut : cut + (end - start) * self._hop]

    def _through_head(self, rows: Tensor, start: int, end: int) -> Tensor:
        """Latent frames `start` to `end`, through what comes before the LSTM."""
        begin, until = (
            max(0, start - self._head_reach.left),
            min(rows.shape[-1], end + self._head_reach.right),
        )
        latent: Tensor = self._head(self._core.decode_latent(rows[..., begin:until]))
        return latent[..., start - begin : end - begin]

    def _through_lstm(
        self, latent: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        if self._memory is None:
            return latent, None
        by_time = latent.permute(2, 0, 1)
        out, state = self._memory.lstm(by_time, state)
        if self._memory.adds_input:
            out = out + by_time
        return out.permute(1, 2, 0), state

    @torch.no_grad()
    def _measure(self) -> tuple[Reach, Reach, int]:
        """How far head and tail look, seen from where a NaN spreads to; and samples per frame."""
        frames = 2 * PROBE_FRAMES + 1
        device = next(self._core.parameters()).device
        tokens = torch.zeros(1, self._core.num_codebooks, frames, dtype=torch.int64, device=device)
        latent = self._core.decode_latent(tokens)
        hidden, _ = self._through_lstm(self._head(latent), None)
        hop = self._tail(hidden).shape[-1] // frames
        return _reach(self._head, latent, 1), _reach(self._tail, hidden, hop), hop


def _parts(core: "CompressionModel") -> tuple[nn.Sequential, Memory | None, nn.Sequential]:
    """What a decoder does before its LSTM, the LSTM if it has one, and what comes after."""
    decoder = core.model.decoder if hasattr(core, "model") else core.decoder
    layers: Sequence[nn.Module] = list(decoder.layers if hasattr(decoder, "layers") else decoder.model)
    for place, layer in enumerate(layers):
        lstm = getattr(layer, "lstm", None)
        if isinstance(lstm, nn.LSTM):
            memory = Memory(lstm, adds_input=bool(getattr(layer, "skip", True)))
            return nn.Sequential(*layers[:place]), memory, nn.Sequential(*layers[place + 1 :])
    return nn.Sequential(), None, nn.Sequential(*layers)


def _reach(layers: nn.Sequential, example: Tensor, hop: int) -> Reach:
    """Raises ValueError when the layers look at everything."""
    spoiled = example.clone()
    spoiled[..., PROBE_FRAMES] = torch.nan
    touched = torch.isnan(layers(spoiled)).flatten(0, 1).any(dim=0).nonzero()[:, 0] // hop
    reach = Reach(int(touched[-1]) - PROBE_FRAMES, PROBE_FRAMES - int(touched[0]))
    if max(reach.left, reach.right) >= PROBE_FRAMES:
        raise ValueError("the codec cannot be decoded in pieces")
    return reach


def _cuts(frames: int, chunk_frames: int) -> Iterator[tuple[int, int]]:
    """Yield the ends of pieces of about the same size, none longer than `chunk_frames`."""
    count = -(-frames // chunk_frames)
    for number in range(count):
        yield number * frames // count, (number + 1) * frames // count
