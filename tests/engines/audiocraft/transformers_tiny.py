"""A tiny MusicGen in the layout of transformers, with the weights of one in AudioCraft's."""

import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.engines.audiocraft.tiny import CARD, encodec_config
from webapp.engines.audiocraft.loading.checkpoint import read_checkpoint
from webapp.engines.audiocraft.loading.importing import import_audiocraft

NAMES = (
    (r"emb\.(\d+)\.weight", r"model.decoder.embed_tokens.\1.weight"),
    (r"linears\.(\d+)\.weight", r"lm_heads.\1.weight"),
    (r"out_norm\.(\w+)", r"model.decoder.layer_norm.\1"),
    (r"(.*)\.cross_attention\.(.*)", r"\1.encoder_attn.\2"),
    (r"(.*)\.norm1\.(\w+)", r"\1.self_attn_layer_norm.\2"),
    (r"(.*)\.norm_cross\.(\w+)", r"\1.encoder_attn_layer_norm.\2"),
    (r"(.*)\.norm2\.(\w+)", r"\1.final_layer_norm.\2"),
    (r"(.*)\.linear([12])\.weight", r"\1.fc\2.weight"),
    (r"transformer\.layers\.(.*)", r"model.decoder.layers.\1"),
)
PROJECTION = "condition_provider.conditioners.description.output_proj."


def write_in_transformers_layout(original: Path, folder: Path, **save: Any) -> Path:
    """Write what `original` holds into `folder`; its codec has other weights."""
    import_audiocraft()
    from transformers import (  # noqa: PLC0415 - heavy
        MusicgenConfig,
        MusicgenForConditionalGeneration,
        T5EncoderModel,
    )

    checkpoint = read_checkpoint(original / "state_dict.bin")
    shape = checkpoint.config.transformer_lm
    text_encoder = T5EncoderModel.from_pretrained(original.parent / "t5-small")
    decoder = {
        "vocab_size": CARD, "hidden_size": shape.dim, "ffn_dim": 4 * shape.dim, "pad_token_id": CARD,
        "bos_token_id": CARD, "num_hidden_layers": shape.num_layers, "num_attention_heads": shape.num_heads,
        "num_codebooks": shape.n_q, "audio_channels": 2 if shape.n_q == 8 else 1,
    }  # fmt: skip
    torch.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MusicgenForConditionalGeneration(
            MusicgenConfig(text_encoder=text_encoder.config, audio_encoder=encodec_config(), decoder=decoder)
        )
    model.text_encoder.load_state_dict(text_encoder.state_dict())
    model.enc_to_dec_proj.load_state_dict(
        {kind: checkpoint.weights[PROJECTION + kind] for kind in ("weight", "bias")}
    )
    said = model.decoder.load_state_dict(dict(renamed(checkpoint.weights)), strict=False)
    assert not said.unexpected_keys
    assert not said.missing_keys
    with torch.no_grad():
        for name, buffer in model.audio_encoder.named_buffers():
            if name.endswith("embed"):
                buffer.normal_()
    model.save_pretrained(folder, **save)
    for name in ("tokenizer.json", "spiece.model"):
        if (original.parent / "t5-small" / name).is_file():
            shutil.copy(original.parent / "t5-small" / name, folder)
    return folder


def renamed(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """AudioCraft's weights of a language model by the names of transformers."""
    for name, weight in weights.items():
        if name.startswith(PROJECTION):
            continue
        theirs = name
        for ours, other in NAMES:
            theirs = re.sub(f"^{ours}$", other, theirs)
        if theirs.endswith(".in_proj_weight"):
            for part, third in zip("qkv", weight.chunk(3), strict=True):
                yield theirs.replace("in_proj_weight", f"{part}_proj.weight"), third
        else:
            yield theirs, weight
