"""Converts MusicGen from the layout of transformers to that of AudioCraft.

One folder holds language model, codec and text encoder. The language model's weights get AudioCraft's names;
its delays and its windows of 30 seconds are the same for all checkpoints and not in the files.
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
# AudioCraft derives the width of a text encoder from its name.
NAME_OF_WIDTH: Final = {512: "t5-small", 768: "t5-base", 1024: "t5-large"}
_LAYER_NAMES: Final = {
    "self_attn.out_proj.weight": "self_attn.out_proj.weight",
    "cross_attention.out_proj.weight": "encoder_attn.out_proj.weight",
    "linear1.weight": "fc1.weight",
    "linear2.weight": "fc2.weight",
    "norm1": "self_attn_layer_norm",
    "norm_cross": "encoder_attn_layer_norm",
    "norm2": "final_layer_norm",
}
_FUSED_PROJECTIONS: Final = {"self_attn": "self_attn", "cross_attention": "encoder_attn"}


@dataclass(frozen=True, slots=True, eq=False)
class MusicgenParts:
    """The content of one folder, converted to AudioCraft's layout."""

    checkpoint: CheckpointFile
    codec: "CompressionModel"
    text_encoder: nn.Module


def read_musicgen(folder: TransformersFolder) -> MusicgenParts:
    """Read a folder's model in float32, from safetensors only.

    Raises ModelLoadError for one that is damaged, incomplete, or of another architecture.
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
    """Return AudioCraft's settings for a model. Raises ModelLoadError for another architecture."""
    _check_architecture(config)
    return OmegaConf.create(dict(_audiocraft_config(config)))


def transformers_codec(config: "MusicgenConfig") -> "CompressionModel":
    """Build the codec of a model, without its weights."""
    from audiocraft.models import HFEncodecCompressionModel  # noqa: PLC0415 - after its stand-ins
    from transformers import EncodecModel  # noqa: PLC0415 - heavy

    codec: CompressionModel = HFEncodecCompressionModel(EncodecModel(config.audio_encoder))
    return codec


def _check_architecture(config: "MusicgenConfig") -> None:
    """Raise ModelLoadError for a model whose parts differ from MusicGen's."""
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
    """List the language model's weights with AudioCraft's names."""
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
    for name, transformers_name in _LAYER_NAMES.items():
        if transformers_name in layer:
            yield name, layer[transformers_name]
        else:
            for kind in ("weight", "bias"):
                yield f"{name}.{kind}", layer[f"{transformers_name}.{kind}"]
    for name, transformers_name in _FUSED_PROJECTIONS.items():
        fused = [layer[f"{transformers_name}.{part}_proj.weight"] for part in "qkv"]
        yield f"{name}.in_proj_weight", torch.cat(fused)


def _projection(model: "MusicgenForConditionalGeneration", kind: str) -> Tensor:
    """Return the projection from the text encoder's width to the language model's.

    transformers leaves it out if both are equal.
    """
    projection = getattr(model, "enc_to_dec_proj", None)
    if projection is not None:
        weight: Tensor = getattr(projection, kind).detach()
        return weight
    width = int(model.config.decoder.hidden_size)
    return torch.eye(width) if kind == "weight" else torch.zeros(width)
