"""Checkpoints of a few kilobytes in AudioCraft's own format, with random weights and nothing fetched.

What they say is noise, but every part is there: a T5 with a tokenizer, a language model with text
guidance, a codec with its LSTM. Their scale makes tokens depend on everything before them.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from omegaconf import OmegaConf
from torch import nn

from tests.engines.audiocraft.tiny_configs import CODEC, LANGUAGE_MODEL
from webapp.engines.audiocraft.loading.importing import import_audiocraft

if TYPE_CHECKING:
    from transformers import EncodecConfig

SEGMENT_S = {"musicgen": 30, "audiogen": 10, "magnet": 10}
T5_WIDTH = 512
CARD = 64
PIECES = (*(f"▁{c}" for c in "abcdefghijklmnopqrstuvwxyz"), *"abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True)
class Tiny:
    """What to build. 10 frames a second by default, so that three minutes are quick.

    Nothing but the defaults is tiny: measurements build checkpoints of full size with it.
    """

    kind: str
    stereo: bool = False
    sample_rate: int = 1600
    ratios: tuple[int, ...] = (5, 4, 4, 2)
    segment_s: int = 0
    dim: int = 32
    layers: int = 2
    heads: int = 4
    seed: int = 7
    pad_mode: str = "constant"
    card: int = CARD
    codec_width: int = 8
    codec_filters: int = 2
    text_encoder: str = "t5-small"
    is_half: bool = False

    @property
    def window_s(self) -> int:
        return self.segment_s or SEGMENT_S[self.kind]

    @property
    def frame_rate(self) -> int:
        return self.sample_rate // math.prod(self.ratios)


def write_models(models_dir: Path, tiny: Tiny, name: str) -> Path:
    """Write one checkpoint and its text encoder into a models folder; returns the checkpoint's folder."""
    import_audiocraft()
    write_text_encoder(models_dir / tiny.text_encoder)
    folder = models_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    with without_t5_download(models_dir):
        _write(folder / "compression_state_dict.bin", codec_config(tiny), _codec(tiny))
        model = _language_model(tiny)
        _write(folder / "state_dict.bin", lm_config(tiny), model.half() if tiny.is_half else model)
    return folder


def write_text_encoder(folder: Path, **shape: int) -> None:
    """Write a T5 encoder, of one layer unless `shape` says otherwise, and a tokenizer of single letters."""
    from transformers import T5Config, T5EncoderModel, T5Tokenizer  # noqa: PLC0415 - heavy

    if folder.exists():
        return
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary = [*special, *((piece, -3.0) for piece in ("▁", *PIECES))]
    tokenizer = T5Tokenizer(vocab=vocabulary, extra_ids=0)
    torch.manual_seed(3)
    small = {
        "vocab_size": len(vocabulary), "d_model": T5_WIDTH, "d_kv": 8, "d_ff": 16, "num_layers": 1,
        "num_heads": 1,
    }  # fmt: skip
    config = T5Config(**(small | shape))
    T5EncoderModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@contextmanager
def without_t5_download(models_dir: Path) -> Iterator[None]:
    """Inside, AudioCraft's own code finds text encoders in a models folder instead of fetching them."""
    from webapp.engines.audiocraft.loading.text_encoders import text_encoders_from  # noqa: PLC0415

    with warnings.catch_warnings(), text_encoders_from(models_dir, torch.device("cpu")):
        warnings.simplefilter("ignore")  # what AudioCraft and torch deprecate in each other
        yield


def encodec_config() -> "EncodecConfig":
    """A codec of transformers: four codebooks of 6 bits at 10 frames a second."""
    from transformers import EncodecConfig  # noqa: PLC0415 - heavy

    return EncodecConfig(
        target_bandwidths=[0.24],
        sampling_rate=1600,
        audio_channels=1,
        normalize=False,
        chunk_length_s=None,
        hidden_size=8,
        num_filters=2,
        upsampling_ratios=[5, 4, 4, 2],
        use_causal_conv=False,
        codebook_size=CARD,
        pad_mode="constant",
        compress=2,
    )


def write_codec(folder: Path, checkpoint: Path) -> None:
    """Write a codec in the layout of transformers, and let a checkpoint only point to it."""
    from transformers import EncodecModel  # noqa: PLC0415 - heavy

    torch.manual_seed(5)
    config = encodec_config()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codec = EncodecModel(config)
    with torch.no_grad():
        for name, buffer in codec.named_buffers():
            if name.endswith("embed"):
                buffer.normal_()
    codec.save_pretrained(folder)
    pointer = {"pretrained": f"facebook/{folder.name}", "exported": True, "version": "1.3.0"}
    torch.save(pointer, checkpoint / "compression_state_dict.bin")


def codec_config(tiny: Tiny) -> dict[str, Any]:
    """The codec's configuration, as in a checkpoint."""
    changes = {
        "sample_rate": tiny.sample_rate,
        "seanet": {
            "ratios": list(tiny.ratios),
            "pad_mode": tiny.pad_mode,
            "dimension": tiny.codec_width,
            "n_filters": tiny.codec_filters,
        },
        "rvq": {"bins": tiny.card},
    }
    return _merged(CODEC, changes)


def lm_config(tiny: Tiny) -> dict[str, Any]:
    """The language model's configuration, as in a checkpoint."""
    changes: dict[str, Any] = {
        "transformer_lm": {
            "dim": tiny.dim,
            "num_heads": tiny.heads,
            "num_layers": tiny.layers,
            "n_q": 8 if tiny.stereo else 4,
            "card": tiny.card,
        },
        "conditioners": {"description": {"t5": {"name": tiny.text_encoder}}},
        "dataset": {"segment_duration": tiny.window_s},
        "interleave_stereo_codebooks": {"use": tiny.stereo},
    }
    if tiny.stereo:
        changes["codebooks_pattern"] = {"delay": {"delays": [codebook // 2 for codebook in range(8)]}}
    if tiny.kind == "magnet":
        changes |= {
            "lm_model": "transformer_lm_magnet",
            "codebooks_pattern": {"modeling": "parallel"},
            "masking": {"span_len": 3},
        }
        changes["transformer_lm"] |= {"causal": False, "subcodes_context": 5}
    return _merged(LANGUAGE_MODEL, changes)


def _merged(config: str, changes: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = OmegaConf.to_container(OmegaConf.merge(OmegaConf.create(config), changes))
    return merged


def _codec(tiny: Tiny) -> nn.Module:
    from audiocraft.models import builders  # noqa: PLC0415 - after its stand-ins

    torch.manual_seed(tiny.seed)
    codec: nn.Module = builders.get_compression_model(
        OmegaConf.create({**codec_config(tiny), "device": "cpu"})
    )
    with torch.no_grad():
        for name, buffer in codec.named_buffers():
            if name.endswith(("embed", "embed_avg")):
                buffer.copy_(torch.randn_like(buffer))
            if name.endswith("inited"):
                buffer.fill_(1)
    return codec


def _language_model(tiny: Tiny) -> nn.Module:
    from audiocraft.models import builders  # noqa: PLC0415 - after its stand-ins

    config = lm_config(tiny)
    if tiny.kind == "magnet":
        config["transformer_lm"] |= {
            "compression_model_framerate": tiny.frame_rate,
            "segment_duration": tiny.window_s,
            "span_len": 3,
        }
    torch.manual_seed(tiny.seed)
    model: nn.Module = builders.get_lm_model(OmegaConf.create(config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                # Wide enough that neighbours and text change what comes next.
                parameter.normal_(0.0, 2.0 / math.sqrt(parameter.shape[-1]))
    return model


def _write(path: Path, config: dict[str, Any], model: nn.Module) -> None:
    torch.save(
        {
            "xp.cfg": OmegaConf.to_yaml(OmegaConf.create(config)),
            "best_state": model.state_dict(),
            "version": "1.3.0",
            "exported": True,
        },
        path,
    )
