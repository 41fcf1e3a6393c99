"""The backend of torch's own operators; each row attends to exactly its own columns.

It computes a row in the same way whatever the batch. It is the float32 reference on every device, and the
fastest backend on a CPU without our compiled step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.linears import LinearFactory, fastest_linear
from webapp.engines.audiocraft.decoder.transformer import Text, Transformer, attend_to_texts
from webapp.engines.audiocraft.decoder.weights import DecoderWeights


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows `row` to `row + count` of a backend, all at one position; the call has them from `start` on."""

    row: int
    start: int
    count: int
    position: int


class PlainBackend:
    """A backend that runs torch's operators eagerly.

    `keys` and `values` (layers, rows, heads, steps, head_dim) are the key-value cache; each row has as many
    columns as its entry in `positions`.
    """

    def __init__(
        self,
        weights: DecoderWeights,
        rows: int,
        steps: int,
        *,
        dtype: torch.dtype = torch.float32,
        make_linear: LinearFactory | None = None,
    ) -> None:
        """`dtype` is the precision of matrices and caches."""
        self.transformer = Transformer(
            weights, steps, dtype, make_linear or fastest_linear(weights.device, dtype)
        )
        self._rows, self._steps, self._device = rows, steps, weights.device
        shape = (len(weights.layers), rows, weights.heads, steps, self.transformer.head_dim)
        # On a CPU the system allocates pages when they are written: a row costs as much as it is long.
        self.keys = torch.empty(shape, dtype=dtype, device=self._device)
        self.values = torch.empty(shape, dtype=dtype, device=self._device)
        self._texts: dict[int, Text] = {}
        self.positions = [0] * rows

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def steps(self) -> int:
        return self._steps

    @property
    def device(self) -> torch.device:
        return self._device

    @torch.inference_mode()
    def begin(self, row: int, text: Tensor) -> None:
        self.begin_projected(row, self.transformer.text_keys_values(text))

    def begin_projected(self, row: int, text: Text) -> None:
        """Start a sequence with a text that is projected to keys and values already."""
        self._texts[row] = text
        self.positions[row] = 0

    def rewind(self, row: int) -> None:
        self.positions[row] = 0

    def release(self, row: int) -> None:
        self._texts.pop(row, None)

    @torch.inference_mode()
    def move(self, row: int, target: int) -> None:
        """Move a row's cache and text to another row, which is released."""
        for cache in (self.keys, self.values):
            cache[:, target] = cache[:, row]
        self.positions[target] = self.positions[row]
        self._texts[target] = self._texts.pop(row)

    @torch.inference_mode()
    def prefill(self, rows: Sequence[int], tokens: Tensor) -> None:
        if tokens.shape[-1]:
            self._run(rows, tokens)

    @torch.inference_mode()
    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        return self.transformer.logits(self._run(rows, tokens[..., None]))

    def _run(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Compute (rows, codebooks, columns); return the hidden states (rows × columns, dim)."""
        columns = tokens.shape[-1]
        positions = self._positions_of(rows, columns)
        hidden = self.transformer.embed(tokens.transpose(1, 2).flatten(0, 1), positions)
        attention = _RowsAttention(self, rows, columns)
        hidden = self.transformer.run(hidden, attention)
        for row in rows:
            self.positions[row] += columns
        return hidden

    def _positions_of(self, rows: Sequence[int], columns: int) -> Tensor:
        """Return the positions of the next columns of rows, without waiting for the device."""
        starts = [self.positions[row] for row in rows]
        if len(set(starts)) == 1:
            return torch.arange(starts[0], starts[0] + columns, device=self._device).repeat(len(rows))
        return torch.cat([torch.arange(start, start + columns, device=self._device) for start in starts])

    def groups(self, rows: Sequence[int]) -> Iterator[_Group]:
        """Group rows that are adjacent in memory and at the same position, to compute them at once."""
        start = 0
        while start < len(rows):
            row, position, count = rows[start], self.positions[rows[start]], 1
            while (
                start + count < len(rows)
                and rows[start + count] == row + count
                and self.positions[row + count] == position
            ):
                count += 1
            yield _Group(row, start, count, position)
            start += count

    def append(self, layer: int, group: _Group, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values (rows, heads, columns, head_dim) of a group; return its whole cache."""
        end = group.position + keys.shape[2]
        cached_all = []
        for cache, new in ((self.keys, keys), (self.values, values)):
            cached = cache[layer, group.row : group.row + group.count, :, :end]
            cached[:, :, group.position :] = new
            cached_all.append(cached)
        return cached_all[0], cached_all[1]

    def text(self, row: int) -> Text:
        return self._texts[row]


class _RowsAttention:
    """Attention in one call for rows with equal numbers of columns."""

    def __init__(self, backend: PlainBackend, rows: Sequence[int], columns: int) -> None:
        self._backend = backend
        self._columns = columns
        self._groups = [(group, self._mask(group.position)) for group in backend.groups(rows)]
        self._texts = [backend.text(row) for row in rows]

    def self_attention(self, layer: int, qkv: Tensor) -> Tensor:
        heads, head_dim = self._texts[0][0].shape[1], self._texts[0][0].shape[-1]
        queries, keys, values = (
            qkv.view(-1, self._columns, 3, heads, head_dim).permute(2, 0, 3, 1, 4).unbind()
        )
        attended = torch.empty_like(queries)
        for group, mask in self._groups:
            part = slice(group.start, group.start + group.count)
            all_keys, all_values = self._backend.append(layer, group, keys[part], values[part])
            attended[part] = functional.scaled_dot_product_attention(
                queries[part], all_keys, all_values, attn_mask=mask
            )
        return attended.transpose(1, 2).flatten(2).flatten(0, 1)

    def cross_attention(self, layer: int, queries: Tensor) -> Tensor:
        return attend_to_texts(queries, self._texts, layer)

    def _mask(self, position: int) -> Tensor | None:
        """Return the causal mask of new columns; a single column attends to everything and needs none."""
        if self._columns == 1:
            return None
        # Additive, in the precision of the scores: a GPU would convert a boolean mask in each layer.
        device, dtype = self._backend.device, self._backend.keys.dtype
        hidden_scores = torch.full(
            (self._columns, position + self._columns), -torch.inf, dtype=dtype, device=device
        )
        return hidden_scores.triu_(position + 1)
