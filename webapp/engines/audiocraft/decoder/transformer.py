"""The layers of a language model over any number of columns; the caller provides the attention."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from webapp.engines.audiocraft.decoder.linears import Linear, LinearFactory, with_float32_output
from webapp.engines.audiocraft.decoder.weights import (
    DecoderWeights,
    LayerWeights,
    Norm,
    Projection,
    position_table,
)

CUDA_ATTENTION: Final = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Torch's own choice has changed between versions, and one of its choices plans anew for each shape."""


def pinned_attention(device: torch.device) -> AbstractContextManager[object]:
    """Fix the attention kernels inside to those that suit our shapes: one query, or a mask."""
    return sdpa_kernel(CUDA_ATTENTION) if device.type == "cuda" else nullcontext()


class Attention(Protocol):
    """Computes attention. The columns of all rows are stacked: (columns, …)."""

    def self_attention(self, layer: int, qkv: Tensor) -> Tensor:
        """Attend among a row's columns: (columns, 3 × dim), queries, keys and values, to (columns, dim)."""
        ...

    def cross_attention(self, layer: int, queries: Tensor) -> Tensor:
        """Attend to each row's text: queries (columns, dim) to (columns, dim)."""
        ...


Text: TypeAlias = tuple[Tensor, Tensor]
"""Keys and values of a text in all layers, each (layers, heads, words, head_dim)."""


@dataclass(frozen=True, slots=True)
class _Layer:
    weights: LayerWeights
    qkv: Linear
    self_out: Linear
    cross_query: Linear
    cross_out: Linear
    feed_in: Linear
    feed_out: Linear


class Transformer:
    """A language model's layers in one precision; the residual stream is in float32.

    `dtype` is the precision of matrix products.
    """

    def __init__(
        self, weights: DecoderWeights, steps: int, dtype: torch.dtype, make_linear: LinearFactory
    ) -> None:
        self.weights = weights
        self.dtype = dtype
        self.head_dim = weights.dim // weights.heads
        self._positions = position_table(weights, steps)
        self._table = torch.cat([table.detach() for table in weights.embeddings]).float()
        self._offsets = torch.arange(weights.codebooks, device=weights.device) * (weights.card + 1)
        self._layers = [_make_layer(layer, dtype, make_linear) for layer in weights.layers]
        self._make_linear = make_linear
        self._heads: dict[int | None, Linear] = {}

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Embed `tokens` (columns, codebooks) at `positions` (columns) in float32."""
        summed = functional.embedding(tokens + self._offsets, self._table).sum(dim=-2)
        return summed + self._positions[positions]

    def run(self, hidden: Tensor, attention: Attention) -> Tensor:
        """Run all layers; `hidden` (columns, dim) is overwritten and returned."""
        with pinned_attention(hidden.device):
            return self._run(hidden, attention)

    def _run(self, hidden: Tensor, attention: Attention) -> Tensor:
        for index, layer in enumerate(self._layers):
            weights = layer.weights
            qkv = layer.qkv(self._normed(weights.norm_self, hidden))
            hidden += layer.self_out(attention.self_attention(index, qkv))
            queries = layer.cross_query(self._normed(weights.norm_cross, hidden))
            hidden += layer.cross_out(attention.cross_attention(index, queries))
            inner = functional.gelu(layer.feed_in(self._normed(weights.norm_feed, hidden)))
            hidden += layer.feed_out(inner)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Compute the next logits after each column: float32 (columns, codebooks, card)."""
        return self._project(None, hidden).view(len(hidden), self.weights.codebooks, self.weights.card)

    def logits_of(self, codebook: int, hidden: Tensor) -> Tensor:
        """Compute the next logits in one codebook: float32 (columns, card)."""
        return self._project(codebook, hidden)

    def _project(self, codebook: int | None, hidden: Tensor) -> Tensor:
        """Apply the output heads of one codebook or of all; they are prepared when they are first needed."""
        if codebook not in self._heads:
            output, card = self.weights.output, self.weights.card
            entries = slice(None) if codebook is None else slice(codebook * card, (codebook + 1) * card)
            part = Projection(output.weight[entries], None if output.bias is None else output.bias[entries])
            self._heads[codebook] = with_float32_output(part, self.dtype, self._make_linear)
        return self._heads[codebook](self._normed(self.weights.norm, hidden))

    def text_keys_values(self, text: Tensor) -> Text:
        """Project a text (words, dim) to keys and values."""
        text = text.to(self.dtype)
        words, heads = len(text), self.weights.heads

        def projected(weight: Tensor, bias: Tensor | None) -> Tensor:
            bias = None if bias is None else bias.to(self.dtype)
            rows = functional.linear(text, weight.to(self.dtype), bias)
            return rows.view(words, heads, self.head_dim).transpose(0, 1)

        layers = self.weights.layers
        keys = [projected(layer.cross_key.weight, layer.cross_key.bias) for layer in layers]
        values = [projected(layer.cross_value.weight, layer.cross_value.bias) for layer in layers]
        return torch.stack(keys), torch.stack(values)

    def _normed(self, norm: Norm, hidden: Tensor) -> Tensor:
        normed = functional.layer_norm(hidden, norm.weight.shape, norm.weight, norm.bias, norm.eps)
        return normed.to(self.dtype)


def _make_layer(layer: LayerWeights, dtype: torch.dtype, make_linear: LinearFactory) -> _Layer:
    return _Layer(
        weights=layer,
        qkv=make_linear(layer.qkv, dtype),
        self_out=make_linear(layer.self_out, dtype),
        cross_query=make_linear(layer.cross_query, dtype),
        cross_out=make_linear(layer.cross_out, dtype),
        feed_in=make_linear(layer.feed_in, dtype),
        feed_out=make_linear(layer.feed_out, dtype),
    )


def attend_to_texts(queries: Tensor, texts: Sequence[Text], layer: int) -> Tensor:
    """Attend from the columns of each row to the row's text: (rows × columns, dim), like `queries`."""
    _layers, heads, _words, head_dim = texts[0][0].shape
    split = queries.view(len(texts), -1, heads, head_dim).transpose(1, 2)
    attended = torch.empty_like(split)
    for row, (keys, values) in enumerate(texts):
        if keys.shape[2] == 1:
            # A single word gets all the attention; no text is one word.
            attended[row] = values[layer]
        else:
            attended[row : row + 1] = functional.scaled_dot_product_attention(
                split[row : row + 1], keys[layer][None], values[layer][None]
            )
    return attended.transpose(1, 2).flatten(2).flatten(0, 1)
