"""Runs a language model's step with fused kernels: nine launches for each layer."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.fused import operators
from webapp.engines.audiocraft.decoder.key_value_cache import KVCache
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.decoder.weights import DecoderWeights, Norm, Projection

MIN_HEAD_DIM: Final = 8


@dataclass(frozen=True, slots=True)
class _Layer:
    norm_self: Norm
    qkv: Projection
    self_out: Projection
    norm_cross: Norm
    cross_query: Projection
    cross_out: Projection
    norm_feed: Norm
    feed_in: Projection
    feed_out: Projection


def can_be_fused(weights: DecoderWeights) -> bool:
    """Return whether the kernels support a model of this shape; they support all published ones."""
    head_dim = weights.dim // weights.heads
    return all(size & (size - 1) == 0 for size in (head_dim, weights.card)) and head_dim >= MIN_HEAD_DIM


class FusedStep:
    """Computes one column of each row. Matrices are in one precision, the residual stream in float32."""

    def __init__(self, transformer: Transformer) -> None:
        weights, dtype = transformer.weights, transformer.dtype
        self._transformer = transformer
        self._output = _in(weights.output, dtype)
        self._layers = [
            _Layer(
                layer.norm_self,
                _in(layer.qkv, dtype),
                _in(layer.self_out, dtype),
                layer.norm_cross,
                _in(layer.cross_query, dtype),
                _in(layer.cross_out, dtype),
                layer.norm_feed,
                _in(layer.feed_in, dtype),
                _in(layer.feed_out, dtype),
            )
            for layer in weights.layers
        ]

    def logits(self, tokens: Tensor, positions: Tensor, cache: KVCache) -> Tensor:
        """Compute logits, float32 (rows, codebooks, card), of `tokens` (rows, codebooks) at `positions`."""
        weights = self._transformer.weights
        hidden = self._transformer.embed(tokens, positions)
        for index, layer in enumerate(self._layers):
            qkv = _normed(layer.norm_self, layer.qkv, hidden)
            attended = operators.cached_attention(qkv, cache.keys[index], cache.values[index], positions)
            operators.linear_add(hidden, attended, layer.self_out.weight, layer.self_out.bias)
            queries = _normed(layer.norm_cross, layer.cross_query, hidden)
            attended = operators.text_attention(
                queries, cache.text_keys[index], cache.text_values[index], cache.words
            )
            operators.linear_add(hidden, attended, layer.cross_out.weight, layer.cross_out.bias)
            inner = _normed(layer.norm_feed, layer.feed_in, hidden, is_gelu=True)
            operators.linear_add(hidden, inner, layer.feed_out.weight, layer.feed_out.bias)
        heads = _normed(weights.norm, self._output, hidden, is_wide=True)
        return heads.view(len(hidden), weights.codebooks, weights.card)


def _normed(
    norm: Norm, projection: Projection, hidden: Tensor, *, is_gelu: bool = False, is_wide: bool = False
) -> Tensor:
    result: Tensor = operators.normed_linear(
        hidden, norm.weight, norm.bias, norm.eps, projection.weight, projection.bias, is_gelu, is_wide
    )
    return result


def _in(projection: Projection, dtype: torch.dtype) -> Projection:
    bias = None if projection.bias is None else projection.bias.to(dtype)
    return Projection(projection.weight.to(dtype).contiguous(), bias)
