"""Tokens to sound in pieces, so that memory does not grow with length.

EnCodec's decoder is a convolution, an LSTM, and a stack of upsampling convolutions. The convolutions
look a few frames to either side, so each piece is given that many more and cut back to size. The LSTM
looks at everything before: its state is carried from piece to piece. The result is that of decoding the
whole, but for rounding. What is quicker than float32 is used where it is near enough to it: that is tried
with the codec's own weights.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.backends import (
    Body,
    BodyMaker,
    State,
    TorchBody,
    Unusable,
    on_cpu,
    with_plain_sizes,
    without_norms,
)
from webapp.engines.audiocraft.codec.chunks import Made, Part, made_together

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel

logger = logging.getLogger(__name__)

CHUNK_FRAMES = 100
PROBE_FRAMES = 16
LEAST_SNR_DB: Final = 35.0
"""How far below the sound of float32 the error of a quicker way must be, for a codec to be decoded in it."""


class NotFinite(ArithmeticError):
    """The codec gave NaN or infinity."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The frames to the left and to the right on which an output frame depends."""

    left: int
    right: int


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
        quicker: Sequence[BodyMaker] = (),
    ) -> None:
        """The first of `quicker` that is near enough to float32 decodes; if none is, float32 does.

        Takes apart the codec's weight norms: what they make of its weights does not change any more. Raises
        ValueError for a codec whose output depends on frames arbitrarily far ahead.
        """
        self._stereo = codec if hasattr(codec, "get_left_right_codes") else None
        self._core = codec.model if self._stereo is not None else codec
        self.chunk_frames = chunk_frames
        self._head, self._recurrence, tail = _parts(self._core)
        for part in (self._head, tail):
            without_norms(part)
            with_plain_sizes(part)
        lstm = self._recurrence.lstm if self._recurrence else None
        self.exact: Body = TorchBody(lstm, tail)
        self.head_reach, self.tail_reach, self._hop = self._measure(tail)
        self.body: Body = next(filter(self._is_near, _made(quicker, lstm, tail)), self.exact)

    @property
    def hop(self) -> int:
        """Samples per frame."""
        return self._hop

    @property
    def device(self) -> torch.device:
        """Where tokens are expected."""
        device: torch.device = next(self._core.parameters()).device
        return device

    def stream(self, tokens: Tensor) -> "SoundStream":
        """Decode tokens (codebooks, frames) while they are being made."""
        return SoundStream(self, tokens)

    @torch.inference_mode()
    def decode(self, tokens: Tensor) -> Samples:
        """Sound of tokens (codebooks, frames): float32 (channels, frames × hop). Raises NotFinite."""
        stream, pieces = self.stream(tokens), list[Samples]()
        while (piece := stream.next_piece(tokens.shape[-1])) is not None:
            pieces.append(piece)
        return np.concatenate(pieces, axis=1)

    def rows(self, tokens: Tensor) -> Tensor:
        """Tokens as the codec takes them, (1 or 2, codebooks of a channel, frames): left and right apart."""
        return torch.cat(self._stereo.get_left_right_codes(tokens[None])) if self._stereo else tokens[None]

    def through_head(self, rows: Tensor, start: int, end: int) -> Tensor:
        """Latent frames `start` to `end`, through what comes before the LSTM."""
        begin, until = (
            max(0, start - self.head_reach.left),
            min(rows.shape[-1], end + self.head_reach.right),
        )
        latent: Tensor = self._head(self._core.decode_latent(rows[..., begin:until]))
        return latent[..., start - begin : end - begin]

    def through_lstm(self, body: Body, latent: Tensor, state: State | None) -> tuple[Tensor, State | None]:
        if self._recurrence is None:
            return latent, None
        by_time = latent.permute(2, 0, 1)
        out, state = body.lstm(by_time, state)
        if self._recurrence.adds_input:
            out = out + by_time
        return out.permute(1, 2, 0), state

    def made_of(self, parts: Sequence[Part]) -> list[Made]:
        """Decode parts of one kind in one batch."""
        return made_together(parts, self.through_lstm, self._hop)

    @torch.inference_mode()
    def _measure(self, tail: nn.Sequential) -> tuple[Reach, Reach, int]:
        """Return how far head and tail look, seen from where a NaN spreads to; and samples per frame.

        On the CPU: convolutions by tiles or by Fourier transform, which a GPU's library may choose, spread a
        NaN further than they look.
        """
        head, tail = on_cpu(self._head), on_cpu(tail)
        frames = 2 * PROBE_FRAMES + 1
        tokens = torch.zeros(1, self._core.num_codebooks, frames, dtype=torch.int64, device=self.device)
        latent = self._core.decode_latent(tokens).cpu()
        hidden = head(latent)
        hop = tail(hidden).shape[-1] // frames
        return _reach(head, latent, 1), _reach(tail, hidden, hop), hop

    @torch.inference_mode()
    def _is_near(self, body: Body) -> bool:
        """Return whether a body makes what the exact one makes of the same tokens, but for a small error."""
        latent = self._probe()
        sounds = [each.tail(self.through_lstm(each, latent, None)[0]).float() for each in (self.exact, body)]
        wanted, error = sounds[0].norm(), (sounds[1] - sounds[0]).norm()
        snr_db = float(20 * torch.log10(wanted / error))
        is_near = snr_db >= LEAST_SNR_DB
        # By its name: whoever keeps log records would keep the weights.
        logger.log(
            logging.INFO if is_near else logging.WARNING,
            "%s is %s for this codec: its error is %.1f dB below the sound",
            *(str(body), "used" if is_near else "not used", snr_db),
        )
        return is_near

    def _probe(self) -> Tensor:
        """Return the LSTM's input for some frames of arbitrary tokens."""
        codebooks, frames = self._core.num_codebooks, 2 * PROBE_FRAMES + 1
        chance = torch.Generator().manual_seed(1)
        tokens = torch.randint(self._core.cardinality, (1, codebooks, frames), generator=chance)
        latent: Tensor = self._head(self._core.decode_latent(tokens.to(self.device)))
        return latent


class SoundStream:
    """The sound of one job's tokens, piece by piece as they become final.

    Pieces are cut at the same frames whenever they are asked for: a sound does not depend on how quickly
    its tokens came. A piece that failed can be asked for again. Where a quicker way of decoding gives numbers
    that are no numbers, this sound goes on in float32.
    """

    def __init__(self, decoder: CodecDecoder, tokens: Tensor) -> None:
        """`tokens` (codebooks, frames) is looked at when a piece is made."""
        self._decoder = decoder
        self._body = decoder.body
        self._tokens = tokens
        self._done = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Forget what went through the LSTM; it will be made of the tokens once more."""
        self._state: State | None = None
        # What the tail still needs of frames that went through the LSTM, and where that begins and ends.
        self._kept: Tensor | None = None
        self._kept_from = self._kept_until = 0

    @property
    def done_frames(self) -> int:
        """Frames whose sound was given out."""
        return self._done

    @property
    def is_done(self) -> bool:
        return self._done == self._tokens.shape[-1]

    @torch.inference_mode()
    def next_piece(self, final_frames: int) -> Samples | None:
        """The next piece, float32 (channels, samples), or None while too few frames are final.

        Raises NotFinite, and torch's own errors.
        """
        part = self.due(final_frames)
        if part is None:
            return None
        try:
            return self._piece(part)
        except NotFinite:
            self.go_on_exactly()
            return self._piece(self._part(part.end, part.until))

    def due(self, final_frames: int) -> Part | None:
        """Return the next part to decode, or None while too few frames are final."""
        bounds = self.bounds(final_frames)
        return None if bounds is None else self._part(*bounds)

    def bounds(self, final_frames: int) -> tuple[int, int] | None:
        """Where the next piece ends and what it needs ends, or None while too few frames are final."""
        frames = self._tokens.shape[-1]
        end = min(self._done + self._decoder.chunk_frames, frames)
        until = min(frames, end + self._decoder.tail_reach.right)
        if self.is_done or final_frames < min(frames, until + self._decoder.head_reach.right):
            return None
        return end, until

    def go_on_exactly(self) -> None:
        """Make the next piece in float32, from the beginning of the tokens. Raises NotFinite if it was."""
        if self._body is self._decoder.exact:
            raise NotFinite("the codec gave numbers that are not finite")
        logger.warning("%s gave numbers that are no numbers: float32 goes on", str(self._body))
        self._body = self._decoder.exact
        self._begin_anew()

    def settle(self, part: Part, made: Made) -> Samples:
        """Take over what a part became; its sound. Raises NotFinite, and then nothing was taken over."""
        piece: Samples = made.sound.flatten(0, 1).numpy()
        if not np.isfinite(piece).all():
            raise NotFinite("the codec gave numbers that are not finite")
        self._kept, self._kept_from = made.kept, part.begin
        self._kept_until, self._state, self._done = max(part.until, self._kept_until), made.state, part.end
        return piece

    def _piece(self, part: Part) -> Samples:
        (made,) = self._decoder.made_of([part])
        return self.settle(part, replace(made, sound=made.sound.cpu()))

    def _part(self, end: int, until: int) -> Part:
        """From where the last piece ended to frame `end`, which needs what lies before `until`."""
        latent = None
        if self._kept is None or until > self._kept_until:
            latent = self._decoder.through_head(self._decoder.rows(self._tokens), self._kept_until, until)
        begin = max(0, self._done - self._decoder.tail_reach.left)
        shape = begin - self._kept_from, until - begin, self._done - begin, end - self._done
        return Part(self._body, latent, self._state, self._kept, begin, until, end, shape)


def _made(makers: Sequence[BodyMaker], lstm: nn.LSTM | None, tail: nn.Sequential) -> Iterator[Body]:
    """Bodies that can be had, in their order."""
    for make in makers:
        try:
            yield make(lstm, tail)
        except Unusable as error:
            logger.warning("the codec is decoded in another way: %s", error)


def _parts(core: "CompressionModel") -> tuple[nn.Sequential, Recurrence | None, nn.Sequential]:
    """Split a decoder into the layers before its LSTM, the LSTM if it has one, and the layers after."""
    decoder = core.model.decoder if hasattr(core, "model") else core.decoder
    layers: Sequence[nn.Module] = list(decoder.layers if hasattr(decoder, "layers") else decoder.model)
    for place, layer in enumerate(layers):
        lstm = getattr(layer, "lstm", None)
        if isinstance(lstm, nn.LSTM):
            recurrence = Recurrence(lstm, adds_input=bool(getattr(layer, "skip", True)))
            return nn.Sequential(*layers[:place]), recurrence, nn.Sequential(*layers[place + 1 :])
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
