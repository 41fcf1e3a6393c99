"""Slots of a graph: their texts, and attention in a step of them in torch's operators."""

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend


class Texts:
    """Keys and values of each slot's text, in places of equal size; `count` says how many words each has."""

    def __init__(self, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> None:
        """`shape` is (layers, slots, heads, words, head_dim)."""
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        # What is added to scores: nothing for a word, and what hides where there is none.
        self.mask = torch.full((shape[1], 1, 1, shape[3]), -torch.inf, dtype=dtype, device=device)
        self.count = torch.ones(shape[1], dtype=torch.int64, device=device)
        # A slot without a text sees something, so that nothing is divided by zero.
        self.mask[..., 0].fill_(0)

    @property
    def words(self) -> int:
        return self.keys.shape[3]

    def put(self, slot: int, keys: Tensor, values: Tensor) -> None:
        """Place a text (layers, heads, words, head_dim)."""
        words = keys.shape[2]
        for place, new in ((self.keys, keys), (self.values, values)):
            place[:, slot].zero_()
            place[:, slot, :, :words] = new
        self.mask[slot].fill_(-torch.inf)
        self.mask[slot, ..., :words].fill_(0)
        self.count[slot].fill_(words)

    def move(self, slot: int, target: int) -> None:
        for place in (self.keys, self.values):
            place[:, target] = place[:, slot]
        self.mask[target] = self.mask[slot]
        self.count[target] = self.count[slot]

    def take_over(self, smaller: "Texts") -> None:
        words = smaller.words
        self.keys[..., :words, :] = smaller.keys
        self.values[..., :words, :] = smaller.values
        self.mask[..., :words] = smaller.mask
        self.count.copy_(smaller.count)


class SlotsAttention:
    """One column of each slot, over as many columns of the past and words for all; masks hide the rest."""

    def __init__(self, inner: PlainBackend, texts: Texts, positions: Tensor, columns: int) -> None:
        self._inner, self._texts, self._positions, self._columns = inner, texts, positions, columns
        self._slots = torch.arange(len(positions), device=positions.device)
        is_past = torch.arange(columns, device=positions.device) <= positions[:, None]
        hidden = torch.full(is_past.shape, -torch.inf, dtype=inner.keys.dtype, device=positions.device)
        self._mask = hidden.masked_fill_(is_past, 0)[:, None, None]
        self._heads, self._head_dim = inner.keys.shape[2], inner.keys.shape[4]

    def among_columns(self, layer: int, qkv: Tensor) -> Tensor:
        count = len(self._slots)
        queries, keys, values = qkv.view(count, 3, self._heads, self._head_dim).unbind(1)
        seen = functional.scaled_dot_product_attention(
            queries[:, :, None],
            self._remembered(self._inner.keys[layer, :count], keys),
            self._remembered(self._inner.values[layer, :count], values),
            attn_mask=self._mask,
        )
        return seen.flatten(1)

    def _remembered(self, cache: Tensor, new: Tensor) -> Tensor:
        """Keep what is new (slots, heads, head_dim) at each slot's position; returns the past."""
        cache[self._slots, :, self._positions] = new
        return cache[:, :, : self._columns]

    def to_text(self, layer: int, queries: Tensor) -> Tensor:
        count, texts = len(self._slots), self._texts
        seen = functional.scaled_dot_product_attention(
            queries.view(count, self._heads, 1, self._head_dim),
            texts.keys[layer, :count],
            texts.values[layer, :count],
            attn_mask=texts.mask[:count],
        )
        return seen.flatten(1)
