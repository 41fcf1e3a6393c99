"""Keeps the tokens of a sound with it, and finds those that a continuation begins with."""

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch
from torch import Tensor

from webapp.audio.fitting import fitted
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.windows import whole_frames_in
from webapp.engines.base import RequestNotSupported
from webapp.engines.continuation import Continuation

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """Tokens as they are stored: which codec they are of, their shape, and compressed 16-bit numbers."""

    codec: str
    codebooks: int
    frames: int
    tokens: bytes


@dataclass(frozen=True, slots=True)
class TokenArchive:
    """Packs the tokens of one model's codec, and unpacks them for models with the same codec."""

    model: LoadedModel
    codec_id: str

    @classmethod
    def of(cls, model: LoadedModel) -> "TokenArchive":
        """Return the archive of a model; its codec is known by the entries of its codebooks."""
        return cls(model, _codec_id(model.codec))

    def pack(self, tokens: Tensor) -> bytes:
        """Return tokens (codebooks, frames) as bytes: about 250 for a second of four codebooks."""
        numbers = tokens.cpu().numpy().astype("<u2")
        codebooks, frames = numbers.shape
        return msgspec.msgpack.encode(
            _Kept(self.codec_id, codebooks, frames, zlib.compress(numbers.tobytes()))
        )

    def prompt_tokens(self, continuation: Continuation) -> Tensor:
        """Return the tokens of the whole frames of a sound's beginning, (codebooks, frames).

        They are those that were kept if they are of this codec; else the codec encodes the samples.
        Raises RequestNotSupported for a beginning that is shorter than a frame.
        """
        frames = whole_frames_in(continuation.head.duration_s, self.model.frame_rate)
        kept = self._unpacked(continuation.material)
        if kept is None or kept.shape[1] < frames:
            kept = self._encoded(continuation)
        tokens = kept[:, :frames]
        if not tokens.shape[1]:
            raise RequestNotSupported("the beginning is too short to be continued")
        return tokens.to(self.model.device, torch.int64)

    def _unpacked(self, material: bytes) -> Tensor | None:
        try:
            kept = msgspec.msgpack.decode(material, type=_Kept)
        except msgspec.DecodeError:
            return None
        if (kept.codec, kept.codebooks) != (self.codec_id, self.model.codebooks):
            return None
        numbers = np.frombuffer(zlib.decompress(kept.tokens), "<u2").astype(np.int64)
        return torch.from_numpy(numbers.reshape(kept.codebooks, kept.frames))

    @torch.inference_mode()
    def _encoded(self, continuation: Continuation) -> Tensor:
        model = self.model
        head = fitted(continuation.head, sample_rate=model.sample_rate, channels=model.channels)
        codes, _ = model.codec.encode(torch.from_numpy(head.samples)[None].to(model.device))
        tokens: Tensor = codes[0]
        return tokens


def _codec_id(codec: "CompressionModel") -> str:
    """Return a name that codecs share if and only if tokens mean the same to them."""
    core = codec.model if hasattr(codec, "get_left_right_codes") else codec
    quantizer = core.model.quantizer if hasattr(core, "model") else core.quantizer
    about = f"{codec.sample_rate} {codec.channels} {codec.num_codebooks}"
    digest = hashlib.blake2b(about.encode(), digest_size=8)
    for name, values in sorted(quantizer.state_dict().items()):
        # The entries, and not what training counts beside them.
        if name.endswith("embed"):
            digest.update(values.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()
