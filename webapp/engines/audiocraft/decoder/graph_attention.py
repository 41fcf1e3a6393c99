"""Attention in a captured step, in torch's operators, and its cache of texts."""

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend


class TextCache:
    """Keys and values of each row's text, padded to equal length; `count` is the number of words of each."""

    def __init__(self, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> None:
        """`shape` is (layers, rows, heads, words, head_dim)."""
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        # Added to the scores: 0 for a word, minus infinity for padding.
        self.mask = torch.full((shape[1], 1, 1, shape[3]), -torch.inf, dtype=dtype, device=device)
        self.count = torch.ones(shape[1], dtype=torch.int64, device=device)
        # A row without a text attends to one word, so that nothing is divided by zero.
        self.mask[..., 0].fill_(0)

    @property
    def words(self) -> int:
        return self.keys.shape[3]

    def put(self, row: int, keys: Tensor, values: Tensor) -> None:
        """Store a text (layers, heads, words, head_dim)."""
        words = keys.shape[2]
        for cache, new in ((self.keys, keys), (self.values, values)):
            cache[:, row].zero_()
            cache[:, row, :, :words] = new
        self.mask[row].fill_(-torch.inf)
        self.mask[row, ..., :words].fill_(0)
        self.count[row].fill_(words)

    def move(self, row: int, target: int) -> None:
        for cache in (self.keys, self.values):
            cache[:, target] = cache[:, row]
        self.mask[target] = self.mask[row]
        self.count[target] = self.count[row]

    def copy_from(self, smaller: "TextCache") -> None:
        words = smaller.words
        self.keys[..., :words, :] = smaller.keys
        self.values[..., :words, :] = smaller.values
        self.mask[..., :words] = smaller.mask
        self.count.copy_(smaller.count)


class GraphAttention:
    """Attends from one column of each row to a fixed number of columns and words; masks hide the rest."""

    def __init__(self, inner: PlainBackend, texts: TextCache, positions: Tensor, columns: int) -> None:
        self._inner, self._texts, self._positions, self._columns = inner, texts, positions, columns
        self._rows = torch.arange(len(positions), device=positions.device)
        is_cached = torch.arange(columns, device=positions.device) <= positions[:, None]
        hidden = torch.full(is_cached.shape, -torch.inf, dtype=inner.keys.dtype, device=positions.device)
        self._mask = hidden.masked_fill_(is_cached, 0)[:, None, None]
        self._heads, self._head_dim = inner.keys.shape[2], inner.keys.shape[4]

    def self_attention(self, layer: int, qkv: Tensor) -> Tensor:
        count = len(self._rows)
        queries, keys, values = qkv.view(count, 3, self._heads, self._head_dim).unbind(1)
        attended = functional.scaled_dot_product_attention(
            queries[:, :, None],
            self._appended(self._inner.keys[layer, :count], keys),
            self._appended(self._inner.values[layer, :count], values),
            attn_mask=self._mask,
        )
        return attended.flatten(1)

    def _appended(self, cache: Tensor, new: Tensor) -> Tensor:
        """Store (rows, heads, head_dim) at each row's position; return the cached columns."""
        cache[self._rows, :, self._positions] = new
        return cache[:, :, : self._columns]

    def cross_attention(self, layer: int, queries: Tensor) -> Tensor:
        count, texts = len(self._rows), self._texts
        attended = functional.scaled_dot_product_attention(
            queries.view(count, self._heads, 1, self._head_dim),
            texts.keys[layer, :count],
            texts.values[layer, :count],
            attn_mask=texts.mask[:count],
        )
        return attended.flatten(1)
