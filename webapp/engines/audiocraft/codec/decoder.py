"""Decodes codec tokens to a waveform in chunks, so that memory does not grow with its length.

EnCodec's decoder is a convolution, an LSTM, and a stack of upsampling convolutions. The convolutions depend
on a few frames to either side, so each chunk is decoded with that many more frames and cut back to size. The
LSTM depends on everything before: its state is carried from chunk to chunk. The result is that of decoding
the whole, but for rounding. A backend faster than float32 is used where it is accurate enough, which is
measured with the codec's own weights.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.backends import (
    CodecBackend,
    CodecBackendFactory,
    CodecBackendUnavailable,
    State,
    TorchCodecBackend,
    fold_weight_norms,
    on_cpu,
    pad_without_synchronizing,
)
from webapp.engines.audiocraft.codec.chunks import ChunkInput, ChunkOutput, ReceptiveField, decode_batch
from webapp.engines.audiocraft.codec.waveform_stream import WaveformStream

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel

logger = logging.getLogger(__name__)

CHUNK_FRAMES = 100
PROBE_FRAMES = 16
MIN_SNR_DB: Final = 35.0
"""Distance that the error of a faster backend must keep below the audio in float32 for it to be used."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The recurrent part of a decoder."""

    lstm: nn.LSTM
    adds_input: bool


class CodecDecoder:
    """Decodes tokens with AudioCraft's codec, mono or interleaved stereo."""

    def __init__(
        self,
        codec: "CompressionModel",
        chunk_frames: int = CHUNK_FRAMES,
        *,
        faster: Sequence[CodecBackendFactory] = (),
    ) -> None:
        """Use the first of the `faster` backends that is close enough to float32, or else float32.

        Folds the codec's weight norms into its weights, which do not change any more. Raises ValueError for a
        codec whose output depends on frames arbitrarily far ahead.
        """
        self._stereo = codec if hasattr(codec, "get_left_right_codes") else None
        self._core = codec.model if self._stereo is not None else codec
        self.chunk_frames = chunk_frames
        self._head, self._recurrence, tail = _split(self._core)
        for part in (self._head, tail):
            fold_weight_norms(part)
            pad_without_synchronizing(part)
        lstm = self._recurrence.lstm if self._recurrence else None
        self.float32: CodecBackend = TorchCodecBackend(lstm, tail)
        self.head_field, self.tail_field, self._hop = self._measure(tail)
        self.backend: CodecBackend = next(
            filter(self._is_accurate, _available(faster, lstm, tail)), self.float32
        )

    @property
    def hop(self) -> int:
        """Samples per frame."""
        return self._hop

    @property
    def device(self) -> torch.device:
        """The device on which tokens are expected."""
        device: torch.device = next(self._core.parameters()).device
        return device

    def stream(self, tokens: Tensor) -> WaveformStream:
        """Return a stream that decodes tokens (codebooks, frames) as they become final."""
        return WaveformStream(self, tokens)

    @torch.inference_mode()
    def decode(self, tokens: Tensor) -> Samples:
        """Decode tokens (codebooks, frames) to float32 (channels, frames × hop). Raises NotFinite."""
        stream, chunks = self.stream(tokens), list[Samples]()
        while (chunk := stream.next_chunk(tokens.shape[-1])) is not None:
            chunks.append(chunk)
        return np.concatenate(chunks, axis=1)

    def channel_tokens(self, tokens: Tensor) -> Tensor:
        """Split tokens by channel, as the codec takes them: (1 or 2, codebooks of a channel, frames)."""
        return torch.cat(self._stereo.get_left_right_codes(tokens[None])) if self._stereo else tokens[None]

    def run_head(self, tokens: Tensor, start: int, end: int) -> Tensor:
        """Compute latent frames `start` to `end`: everything before the LSTM."""
        begin, until = (
            max(0, start - self.head_field.left),
            min(tokens.shape[-1], end + self.head_field.right),
        )
        latent: Tensor = self._head(self._core.decode_latent(tokens[..., begin:until]))
        return latent[..., start - begin : end - begin]

    def run_lstm(
        self, backend: CodecBackend, latent: Tensor, state: State | None
    ) -> tuple[Tensor, State | None]:
        if self._recurrence is None:
            return latent, None
        by_time = latent.permute(2, 0, 1)
        out, state = backend.lstm(by_time, state)
        if self._recurrence.adds_input:
            out = out + by_time
        return out.permute(1, 2, 0), state

    def decode_chunks(self, inputs: Sequence[ChunkInput]) -> list[ChunkOutput]:
        """Decode inputs with equal batch keys in one batch."""
        return decode_batch(inputs, self.run_lstm, self._hop)

    @torch.inference_mode()
    def _measure(self, tail: nn.Sequential) -> tuple[ReceptiveField, ReceptiveField, int]:
        """Measure the receptive fields of head and tail by how far a NaN spreads; and samples per frame.

        On the CPU: convolutions by tiles or by Fourier transform, which a GPU's library may choose, spread a
        NaN beyond the receptive field.
        """
        head, tail = on_cpu(self._head), on_cpu(tail)
        frames = 2 * PROBE_FRAMES + 1
        tokens = torch.zeros(1, self._core.num_codebooks, frames, dtype=torch.int64, device=self.device)
        latent = self._core.decode_latent(tokens).cpu()
        hidden = head(latent)
        hop = tail(hidden).shape[-1] // frames
        return _receptive_field(head, latent, 1), _receptive_field(tail, hidden, hop), hop

    @torch.inference_mode()
    def _is_accurate(self, backend: CodecBackend) -> bool:
        """Return whether a backend's audio differs from that of float32 by a small error only."""
        latent = self._probe()
        reference, audio = (
            each.tail(self.run_lstm(each, latent, None)[0]).float() for each in (self.float32, backend)
        )
        snr_db = float(20 * torch.log10(reference.norm() / (audio - reference).norm()))
        is_accurate = snr_db >= MIN_SNR_DB
        # By its name: a handler that keeps log records would keep the weights.
        logger.log(
            logging.INFO if is_accurate else logging.WARNING,
            "%s is %s for this codec: its error is %.1f dB below the signal",
            *(str(backend), "used" if is_accurate else "not used", snr_db),
        )
        return is_accurate

    def _probe(self) -> Tensor:
        """Return the LSTM's input for some frames of arbitrary tokens."""
        codebooks, frames = self._core.num_codebooks, 2 * PROBE_FRAMES + 1
        generator = torch.Generator().manual_seed(1)
        tokens = torch.randint(self._core.cardinality, (1, codebooks, frames), generator=generator)
        latent: Tensor = self._head(self._core.decode_latent(tokens.to(self.device)))
        return latent


def _available(
    factories: Sequence[CodecBackendFactory], lstm: nn.LSTM | None, tail: nn.Sequential
) -> Iterator[CodecBackend]:
    """Make the backends that this machine and this codec allow, in order."""
    for make in factories:
        try:
            yield make(lstm, tail)
        except CodecBackendUnavailable as error:
            logger.warning("the codec uses another backend: %s", error)


def _split(core: "CompressionModel") -> tuple[nn.Sequential, Recurrence | None, nn.Sequential]:
    """Split a decoder into the layers before its LSTM, the LSTM if it has one, and the layers after."""
    decoder = core.model.decoder if hasattr(core, "model") else core.decoder
    layers: Sequence[nn.Module] = list(decoder.layers if hasattr(decoder, "layers") else decoder.model)
    for index, layer in enumerate(layers):
        lstm = getattr(layer, "lstm", None)
        if isinstance(lstm, nn.LSTM):
            recurrence = Recurrence(lstm, adds_input=bool(getattr(layer, "skip", True)))
            return nn.Sequential(*layers[:index]), recurrence, nn.Sequential(*layers[index + 1 :])
    return nn.Sequential(), None, nn.Sequential(*layers)


def _receptive_field(layers: nn.Sequential, example: Tensor, hop: int) -> ReceptiveField:
    """Measure a receptive field. Raises ValueError where it is unbounded."""
    spoiled = example.clone()
    spoiled[..., PROBE_FRAMES] = torch.nan
    touched = torch.isnan(layers(spoiled)).flatten(0, 1).any(dim=0).nonzero()[:, 0] // hop
    field = ReceptiveField(int(touched[-1]) - PROBE_FRAMES, PROBE_FRAMES - int(touched[0]))
    if max(field.left, field.right) >= PROBE_FRAMES:
        raise ValueError("the codec cannot be decoded in chunks")
    return field
