"""Attention that honours masks, put in place of AudioCraft's where AudioCraft drops them.

On torch's attention AudioCraft passes on *that* there is a mask, as "causal", and not the mask: MAGNeT's
later codebooks, which may look a few frames to either side only, are then decoded with the wrong one.
And its cross-attention knows no mask, so that in a batch a short prompt also attends to the padding that a
longer one beside it brings. Both are mended on the model's own layers: nothing of the process changes.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from webapp.engines.base import ModelLoadError

if TYPE_CHECKING:
    from audiocraft.models import LMModel
    from audiocraft.modules.transformer import StreamingMultiheadAttention


class PromptPadding:
    """Which positions of a batch's text are words: shape (rows, 1, 1, length), or None when all are."""

    def __init__(self) -> None:
        self.words: Tensor | None = None


class CrossAttention(nn.Module):
    """A layer's cross-attention that leaves a batch's padding out."""

    def __init__(self, original: "StreamingMultiheadAttention", padding: PromptPadding) -> None:
        super().__init__()
        self.original = original
        self._padding = padding

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, *, need_weights: bool = False
    ) -> tuple[Tensor, None]:
        if self._padding.words is None:
            attended: Tensor = self.original(query, key, value, need_weights=need_weights)[0]
            return attended, None
        weight, bias = self.original.in_proj_weight, self.original.in_proj_bias
        weights = weight.chunk(3)
        biases = (None, None, None) if bias is None else bias.chunk(3)
        parts = [
            functional.linear(source, part_weight, part_bias)
            for source, part_weight, part_bias in zip((query, key, value), weights, biases, strict=True)
        ]
        return _attend(self.original, *parts, mask=self._padding.words), None


class RestrictedSelfAttention(nn.Module):
    """A layer's self-attention over a whole window, within a mask where one is given."""

    def __init__(self, original: "StreamingMultiheadAttention") -> None:
        super().__init__()
        self.original = original

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **_options: object
    ) -> tuple[Tensor, None]:
        if attn_mask is None:
            attended: Tensor = self.original(query, key, value, need_weights=False)[0]
            return attended, None
        projected = functional.linear(query, self.original.in_proj_weight, self.original.in_proj_bias)
        length = query.shape[1]
        mask = attn_mask[..., :length, :length]
        return _attend(self.original, *projected.chunk(3, dim=-1), mask=mask), None


def mask_prompt_padding(lm: "LMModel") -> PromptPadding:
    """Put masked cross-attention into a language model; returns what tells it the mask."""
    padding = PromptPadding()
    for layer in lm.transformer.layers:
        if layer.cross_attention is None:
            raise ModelLoadError("the checkpoint does not attend to its text")
        layer.cross_attention = CrossAttention(_plain(layer.cross_attention), padding)
    return padding


def restrict_context(lm: "LMModel", window_frames: int, device: torch.device) -> None:
    """Put masked self-attention into a MAGNeT, and a mask for each codebook that one matrix serves."""
    for layer in lm.transformer.layers:
        layer.self_attn = RestrictedSelfAttention(_plain(layer.self_attn))
    reach = int(lm.subcodes_context)
    band = context_mask(window_frames, reach, device) if reach >= 0 else None
    lm.attn_mask_per_stage = [None] + [band] * (int(lm.n_q) - 1)


def context_mask(frames: int, reach: int, device: torch.device | None = None) -> Tensor:
    """Who may look at whom: True within `reach` frames to either side; shape (1, 1, frames, frames)."""
    position = torch.arange(frames, device=device)
    return ((position[:, None] - position[None, :]).abs() <= reach)[None, None]


def _plain(attention: "StreamingMultiheadAttention") -> "StreamingMultiheadAttention":
    """An attention of the form that all published checkpoints have. Raises ModelLoadError for others."""
    usual = attention.custom and attention.rope is None and attention.kv_repeat == 1
    if not usual or attention.qk_layer_norm:
        raise ModelLoadError("the checkpoint has a form of attention that is not supported")
    return attention


def _attend(
    attention: "StreamingMultiheadAttention", query: Tensor, key: Tensor, value: Tensor, *, mask: Tensor
) -> Tensor:
    """Scaled dot-product attention by heads, within a mask that is True where a key counts."""
    heads = attention.num_heads

    def split(part: Tensor) -> Tensor:
        rows, length, width = part.shape
        return part.view(rows, length, heads, width // heads).transpose(1, 2)

    def attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)

    parts = [split(part) for part in (query, key, value)]
    if attention.attention_as_float32:
        parts = [part.float() for part in parts]
    joined: Tensor = attention.out_proj(attended(*parts).to(query.dtype).transpose(1, 2).flatten(2))
    return joined
