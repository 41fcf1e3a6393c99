"""Checkpoints in the forms that are published, tiny: the same files, keys, names and number formats.

The forms are known from public reports of what the files hold; no published file was at hand.
"""

import json
import shutil
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from tests.engines.audiocraft.tiny import Tiny, lm_config, write_models, write_text_encoder
from webapp.engines.audiocraft.loading.importing import import_audiocraft

LM, CODEC = "state_dict.bin", "compression_state_dict.bin"
T5_WIDTHS = {"t5-base": 768, "t5-large": 1024}
CARD = 2048

# What training leaves in the settings and no model is built from; all of it is published along.
SOLVER = """
solver: musicgen
device: cuda
dtype: float32
autocast: true
autocast_dtype: float16
seed: 2036
efficient_attention_backend: xformers
fsdp: {use: true, param_dtype: float16, sharding_strategy: shard_grad_op}
dset:
  name: internal
  train: egs/${dset.name}
compression_model_checkpoint: //pretrained/facebook/encodec_32khz
compression_model_n_q: null
tokens: {padding_with_special_token: false}
cache: {path: null, write: false}
channels: 1
sample_rate: 32000
dataset:
  batch_size: 192
  num_workers: 10
  segment_duration: 30
  train: {num_samples: 1000000, merge_text_p: 0.25, drop_desc_p: 0.5, root: '${oc.env:DATA_ROOT}'}
optim:
  epochs: 500
  updates_per_epoch: 2000
  optimizer: dadam
  ema: {use: true, updates: '${optim.updates_per_epoch}', device: cuda}
schedule: {lr_scheduler: cosine, cosine: {warmup: 4000}}
generate:
  every: 25
  audio: {format: wav, sample_rate: '${sample_rate}'}
  lm: {use_sampling: true, top_k: 250, top_p: 0.0}
metrics: {chroma_cosine: {model: chroma_base, chroma_base: {sample_rate: '${sample_rate}', n_chroma: 12}}}
checkpoint: {save_last: true, save_every: 50}
slurm: {gpus: 4, mem_per_gpu: 40, constraint: null}
dora: {dir: '/checkpoint/${oc.env:USER}/experiments/audiocraft/outputs', exclude: [device, wandb.*]}
"""


@dataclass(frozen=True)
class Form:
    """One published form: its folder's name, its shape, and what differs from what AudioCraft would write."""

    name: str
    tiny: Tiny
    change: Callable[[dict[str, Any], Path], None] = lambda _package, _models_dir: None


def _tiny(kind: str, **changes: Any) -> Tiny:
    music: dict[str, Any] = {"sample_rate": 32_000, "ratios": (8, 5, 4, 4), "text_encoder": "t5-base"}
    return Tiny(kind, card=CARD, is_half=True, **(music | changes))


def as_objects(package: dict[str, Any], _models_dir: Path) -> None:
    """Settings as OmegaConf's objects, not as text."""
    package["xp.cfg"] = OmegaConf.create(package["xp.cfg"])


def of_training(package: dict[str, Any], _models_dir: Path) -> None:
    """A checkpoint that training keeps, not exported."""
    package["best_state"] = {"model": package["best_state"]}


def named_codec(package: dict[str, Any], models_dir: Path) -> None:
    """A codec that is only named, as transformers stored it years ago."""
    write_legacy_encodec(models_dir / "encodec_32khz")


SOUND: dict[str, Any] = {"sample_rate": 16_000, "ratios": (8, 5, 4, 2), "text_encoder": "t5-large"}
FORMS = {
    form.name: form
    for form in (
        Form("musicgen-small", _tiny("musicgen")),
        Form("audiogen-medium", _tiny("audiogen", **SOUND), as_objects),
        Form("musicgen-medium", _tiny("musicgen"), of_training),
        Form("magnet-small-10secs", _tiny("magnet")),
        Form("audio-magnet-small", _tiny("magnet", **SOUND)),
        Form("musicgen-stereo-small", _tiny("musicgen", stereo=True, pad_mode="reflect"), named_codec),
    )
}


def write_published(models_dir: Path, name: str) -> Path:
    """Write one form with its text encoder into a models folder; returns its folder."""
    form = FORMS[name]
    import_audiocraft()
    write_old_t5(models_dir / form.tiny.text_encoder, T5_WIDTHS[form.tiny.text_encoder])
    folder = write_models(models_dir, form.tiny, name)
    package = torch.load(folder / LM, weights_only=True)
    whole: dict[str, Any] = {
        "best_state": OrderedDict((key, value.half()) for key, value in package["best_state"].items()),
        "xp.cfg": OmegaConf.to_yaml(_settings(form.tiny)),
    }
    form.change(whole, models_dir)
    torch.save(whole, folder / LM)
    if form.change is named_codec:
        pointer = {"pretrained": "facebook/encodec_32khz", "exported": True, "version": "1.0.0"}
        torch.save(pointer, folder / CODEC)
    return folder


def _settings(tiny: Tiny) -> DictConfig:
    """All settings of training, with those that a model is built from among them."""
    own = lm_config(tiny)
    own["channels"], own["sample_rate"] = (2 if tiny.stereo else 1), tiny.sample_rate
    own["conditioners"]["args"] = {"merge_text_conditions_p": 0.25, "drop_desc_p": 0.5}
    if tiny.kind == "magnet":
        own["codebooks_pattern"] = {"modeling": "parallel", "parallel": {"empty_initial": -1}}
        own["transformer_lm"] |= {
            "compression_model_framerate": 50, "segment_duration": 0, "span_len": -1
        }  # fmt: skip
    merged = OmegaConf.merge(OmegaConf.create(SOLVER), own)
    assert isinstance(merged, DictConfig)
    return merged


def write_old_t5(folder: Path, width: int) -> None:
    """A whole T5 as it was stored in 2020: tied embeddings once, a decoder, a tokenizer without a type."""
    from transformers import T5Config, T5ForConditionalGeneration  # noqa: PLC0415 - heavy

    if folder.exists():
        return
    aside = folder.with_name(f"{folder.name}-aside")
    write_text_encoder(aside, d_model=width)
    small = {
        name: json.loads((aside / "config.json").read_text())[name] for name in ("vocab_size", "d_ff", "d_kv")
    }
    old = {
        "architectures": ["T5WithLMHeadModel"], "d_model": width, "decoder_start_token_id": 0,
        "dropout_rate": 0.1, "eos_token_id": 1, "initializer_factor": 1.0, "is_encoder_decoder": True,
        "layer_norm_epsilon": 1e-06, "model_type": "t5", "n_positions": 512, "num_heads": 1, "num_layers": 1,
        "output_past": True, "pad_token_id": 0, "relative_attention_num_buckets": 32,
        "task_specific_params": {"summarization": {"num_beams": 4, "prefix": "summarize: "}}, **small,
    }  # fmt: skip
    torch.manual_seed(3)
    weights = T5ForConditionalGeneration(T5Config(**old)).state_dict()
    kept = {
        name: weight.clone() for name, weight in weights.items()
        if name not in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    }  # fmt: skip
    kept["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = torch.zeros(32, 1)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(old))
    save_safetensors(kept, folder / "model.safetensors")
    tokenizer = json.loads((aside / "tokenizer.json").read_text())
    del tokenizer["model"]["type"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    shutil.rmtree(aside)


def save_safetensors(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write weights as safetensors: the length of a header, the header, the numbers."""
    names = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL"}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = bytearray()
    for name, weight in weights.items():
        begin = len(content)
        content += weight.contiguous().numpy().tobytes()
        header[name] = {
            "dtype": names[weight.dtype], "shape": list(weight.shape), "data_offsets": [begin, len(content)]
        }  # fmt: skip
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def write_legacy_encodec(folder: Path) -> None:
    """A codec of transformers whose weight norms have the names that torch gave them before 2.0."""
    from transformers import EncodecConfig, EncodecModel  # noqa: PLC0415 - heavy

    torch.manual_seed(5)
    config = EncodecConfig(
        target_bandwidths=[2.2], sampling_rate=32_000, audio_channels=1, normalize=False,
        chunk_length_s=None, overlap=None, hidden_size=8, num_filters=2, upsampling_ratios=[8, 5, 4, 4],
        use_causal_conv=False, codebook_size=CARD, pad_mode="reflect", compress=2,
        use_conv_shortcut=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codec = EncodecModel(config)
    with torch.no_grad():
        for name, buffer in codec.named_buffers():
            if name.endswith("embed"):
                buffer.normal_()
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value.clone()
        for name, value in codec.state_dict().items()
    }
    assert "decoder.layers.0.conv.weight_g" in old
    config.save_pretrained(folder)
    save_safetensors(old, folder / "model.safetensors")
