"""MusicGen as transformers stores it, brought into AudioCraft's form.

One folder holds language model, codec and text encoder. The language model's weights get AudioCraft's names;
how it decodes (delays, windows of 30 seconds) is the same for all of them and is not in the files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from webapp.engines.audiocraft.loading.checkpoint import CheckpointFile
from webapp.engines.audiocraft.loading.pretrained import read_pretrained
from webapp.engines.base import ModelLoadError
from webapp.weights.transformers_layout import TransformersFolder

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel
    from transformers import MusicgenConfig, MusicgenForConditionalGeneration

WINDOW_S: Final = 30
# AudioCraft tells text encoders apart by name, and wants to know from it how wide one is.
NAME_OF_WIDTH: Final = {512: "t5-small", 768: "t5-base", 1024: "t5-large"}
_LAYER_PARTS: Final = {
    "self_attn.out_proj.weight": "self_attn.out_proj.weight",
    "cross_attention.out_proj.weight": "encoder_attn.out_proj.weight",
    "linear1.weight": "fc1.weight",
    "linear2.weight": "fc2.weight",
    "norm1": "self_attn_layer_norm",
    "norm_cross": "encoder_attn_layer_norm",
    "norm2": "final_layer_norm",
}
_JOINED: Final = {"self_attn": "self_attn", "cross_attention": "encoder_attn"}


@dataclass(frozen=True, slots=True, eq=False)
class MusicgenParts:
    """Return the content of one folder in AudioCraft's form."""

    checkpoint: CheckpointFile
    codec: "CompressionModel"
    text_encoder: nn.Module


def read_musicgen(folder: TransformersFolder) -> MusicgenParts:
    """Read a folder's model in float32, from safetensors only.

    Raises ModelLoadError for one that is damaged, lacks something, or has another form.
    """
    from audiocraft.models import HFEncodecCompressionModel  # noqa: PLC0415 - after its stand-ins
    from transformers import MusicgenForConditionalGeneration  # noqa: PLC0415 - heavy

    label = folder.folder.name
    if folder.missing:
        raise ModelLoadError(f"{label} lacks {' and '.join(folder.missing)}")
    model: Any = read_pretrained(MusicgenForConditionalGeneration.from_pretrained, folder.folder)
    checkpoint = CheckpointFile(label, settings_of(model.config), dict(named_weights(model)))
    return MusicgenParts(checkpoint, HFEncodecCompressionModel(model.audio_encoder), model.text_encoder)


def settings_of(config: "MusicgenConfig") -> DictConfig:
    """AudioCraft's settings for such a model. Raises ModelLoadError for one of another form."""
    _check_form(config)
    return OmegaConf.create(dict(_audiocraft_config(config)))


def transformers_codec(config: "MusicgenConfig") -> "CompressionModel":
    """The codec of such a model, without its weights."""
    from audiocraft.models import HFEncodecCompressionModel  # noqa: PLC0415 - after its stand-ins
    from transformers import EncodecModel  # noqa: PLC0415 - heavy

    codec: CompressionModel = HFEncodecCompressionModel(EncodecModel(config.audio_encoder))
    return codec


def _check_form(config: "MusicgenConfig") -> None:
    """Raise ModelLoadError for a model whose parts are others than MusicGen's."""
    parts = (config.text_encoder.model_type, config.audio_encoder.model_type)
    if parts != ("t5", "encodec"):
        raise ModelLoadError(f"its text encoder and codec are {' and '.join(parts)}, not t5 and encodec")
    if config.text_encoder.d_model not in NAME_OF_WIDTH:
        raise ModelLoadError(
            f"its text encoder is {config.text_encoder.d_model} wide, as no T5 of AudioCraft's"
        )
    decoder = config.decoder
    if decoder.activation_function != "gelu" or decoder.scale_embedding:
        raise ModelLoadError("its language model has a form that is not supported")


def _audiocraft_config(config: "MusicgenConfig") -> Mapping[str, Any]:
    decoder = config.decoder
    codebooks, is_stereo = int(decoder.num_codebooks), decoder.audio_channels == 2
    delays = [codebook // 2 if is_stereo else codebook for codebook in range(codebooks)]
    return {
        "lm_model": "transformer_lm",
        "codebooks_pattern": {"modeling": "delay", "delay": {"delays": delays}},
        "transformer_lm": {
            "dim": int(decoder.hidden_size),
            "num_heads": int(decoder.num_attention_heads),
            "num_layers": int(decoder.num_hidden_layers),
            "hidden_scale": decoder.ffn_dim / decoder.hidden_size,
            "n_q": codebooks,
            "card": int(decoder.vocab_size),
            "activation": "gelu",
            "norm_first": True,
            "norm": "layer_norm",
            "causal": True,
            "memory_efficient": True,
            "positional_embedding": "sin",
            **dict.fromkeys(("bias_ff", "bias_attn", "bias_proj"), False),
        },
        "classifier_free_guidance": {"training_dropout": 0.0, "inference_coef": 3.0},
        "attribute_dropout": {},
        "fuser": {"cross": ["description"], "sum": [], "prepend": [], "input_interpolate": []},
        "conditioners": {
            "description": {
                "model": "t5",
                "t5": {"name": NAME_OF_WIDTH[config.text_encoder.d_model], "finetune": False},
            }
        },
        "dataset": {"segment_duration": WINDOW_S},
        "interleave_stereo_codebooks": {"use": is_stereo, "per_timestep": False},
    }


def named_weights(model: "MusicgenForConditionalGeneration") -> Iterator[tuple[str, Tensor]]:
    """The language model's weights by AudioCraft's names."""
    decoder = model.decoder.model.decoder
    for codebook, embedding in enumerate(decoder.embed_tokens):
        yield f"emb.{codebook}.weight", embedding.weight.detach()
    for codebook, head in enumerate(model.decoder.lm_heads):
        yield f"linears.{codebook}.weight", head.weight.detach()
    for kind in ("weight", "bias"):
        yield f"out_norm.{kind}", getattr(decoder.layer_norm, kind).detach()
        yield f"condition_provider.conditioners.description.output_proj.{kind}", _projection(model, kind)
    for number, layer in enumerate(decoder.layers):
        for name, weight in _layer_weights(layer.state_dict()):
            yield f"transformer.layers.{number}.{name}", weight


def _layer_weights(layer: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for ours, theirs in _LAYER_PARTS.items():
        if theirs in layer:
            yield ours, layer[theirs]
        else:
            for kind in ("weight", "bias"):
                yield f"{ours}.{kind}", layer[f"{theirs}.{kind}"]
    for ours, theirs in _JOINED.items():
        joined = [layer[f"{theirs}.{part}_proj.weight"] for part in "qkv"]
        yield f"{ours}.in_proj_weight", torch.cat(joined)


def _projection(model: "MusicgenForConditionalGeneration", kind: str) -> Tensor:
    """From the text encoder's width to the language model's.

    transformers leaves it out where both are the same.
    """
    projection = getattr(model, "enc_to_dec_proj", None)
    if projection is not None:
        weight: Tensor = getattr(projection, kind).detach()
        return weight
    width = int(model.config.decoder.hidden_size)
    return torch.eye(width) if kind == "weight" else torch.zeros(width)
