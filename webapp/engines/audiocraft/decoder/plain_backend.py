"""The decoder with torch's own operators, each row's attention over exactly its own columns.

It computes a row in the same way whoever stands beside it. It is what float32 means on every device, and
the quickest there is on a CPU without our compiled step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.linears import LinearFactory, quickest
from webapp.engines.audiocraft.decoder.transformer import Text, Transformer, seen_of_texts
from webapp.engines.audiocraft.decoder.weights import DecoderWeights


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows `row` to `row + count` of a backend, all at one position; in a call they begin at `start`."""

    row: int
    start: int
    count: int
    position: int


class PlainBackend:
    """A backend of operators as they come.

    `keys` and `values` (layers, rows, heads, steps, head_dim) hold each row's past, as far as `positions`
    says.
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
        """`dtype` is what matrices and caches are in."""
        self.transformer = Transformer(weights, steps, dtype, make_linear or quickest(weights.device, dtype))
        self._rows, self._steps, self._device = rows, steps, weights.device
        shape = (len(weights.layers), rows, weights.heads, steps, self.transformer.head_dim)
        # On a CPU the system gives memory only where it is written to: a row costs as long as it is.
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
        self.place(row, self.transformer.text_keys_values(text))

    def place(self, row: int, text: Text) -> None:
        """Start a sequence with a text that is projected already."""
        self._texts[row] = text
        self.positions[row] = 0

    def rewind(self, row: int) -> None:
        self.positions[row] = 0

    def release(self, row: int) -> None:
        self._texts.pop(row, None)

    @torch.inference_mode()
    def move(self, row: int, target: int) -> None:
        """Put a row's past and text in the place of another row, which is released."""
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
        """Take in (rows, codebooks, columns); returns (rows × columns, dim)."""
        columns = tokens.shape[-1]
        positions = self._positions_of(rows, columns)
        hidden = self.transformer.embed(tokens.transpose(1, 2).flatten(0, 1), positions)
        attention = _RowsAttention(self, rows, columns)
        hidden = self.transformer.run(hidden, attention)
        for row in rows:
            self.positions[row] += columns
        return hidden

    def _positions_of(self, rows: Sequence[int], columns: int) -> Tensor:
        """Where the next columns of rows stand; made on the device, which is not waited for."""
        starts = [self.positions[row] for row in rows]
        if len(set(starts)) == 1:
            return torch.arange(starts[0], starts[0] + columns, device=self._device).repeat(len(rows))
        return torch.cat([torch.arange(start, start + columns, device=self._device) for start in starts])

    def groups(self, rows: Sequence[int]) -> Iterator[_Group]:
        """Neighbours in memory that are equally far, so that they can be computed at once."""
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

    def remember(self, layer: int, group: _Group, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep keys and values (rows, heads, columns, head_dim) of a group; returns all it has so far."""
        end = group.position + keys.shape[2]
        whole = []
        for cache, new in ((self.keys, keys), (self.values, values)):
            mine = cache[layer, group.row : group.row + group.count, :, :end]
            mine[:, :, group.position :] = new
            whole.append(mine)
        return whole[0], whole[1]

    def text(self, row: int) -> Text:
        return self._texts[row]


class _RowsAttention:
    """Attention in one call of some rows with as many columns each."""

    def __init__(self, backend: PlainBackend, rows: Sequence[int], columns: int) -> None:
        self._backend = backend
        self._columns = columns
        self._groups = [(group, self._mask(group.position)) for group in backend.groups(rows)]
        self._texts = [backend.text(row) for row in rows]

    def among_columns(self, layer: int, qkv: Tensor) -> Tensor:
        heads, head_dim = self._texts[0][0].shape[1], self._texts[0][0].shape[-1]
        queries, keys, values = (
            qkv.view(-1, self._columns, 3, heads, head_dim).permute(2, 0, 3, 1, 4).unbind()
        )
        seen = torch.empty_like(queries)
        for group, mask in self._groups:
            part = slice(group.start, group.start + group.count)
            all_keys, all_values = self._backend.remember(layer, group, keys[part], values[part])
            seen[part] = functional.scaled_dot_product_attention(
                queries[part], all_keys, all_values, attn_mask=mask
            )
        return seen.transpose(1, 2).flatten(2).flatten(0, 1)

    def to_text(self, layer: int, queries: Tensor) -> Tensor:
        return seen_of_texts(queries, self._texts, layer)

    def _mask(self, position: int) -> Tensor | None:
        """Each column sees those before it and itself; a single one sees all there are."""
        if self._columns == 1:
            return None
        # Added to scores, in their precision: of what says yes or no a GPU makes such numbers in each layer.
        device, dtype = self._backend.device, self._backend.keys.dtype
        unseen = torch.full((self._columns, position + self._columns), -torch.inf, dtype=dtype, device=device)
        return unseen.triu_(position + 1)
