"""The interface between the model runner and the backends that compute.

A *row* is one row of the language model's batch: it attends to its own cached columns and its own text, and
to no other row. A sequence with classifier-free guidance uses two rows, one with its text and one without,
which are given the same tokens; a backend need not know which rows belong together.

Life of a row: ``begin`` (a text), then ``prefill`` (known columns, any number of calls), then ``step`` after
``step``. ``rewind`` starts the row's next window with the same text; ``begin`` starts another sequence in it;
``release`` frees it. Rows join and leave between any two calls, and are at different positions.

Rules for every backend:

- **Positions** are the backend's own: a row is at 0 after ``begin`` and ``rewind``, and every column given to
  it, by ``prefill`` or ``step``, moves it one further. The caller never goes beyond ``steps``. The key-value
  cache is allocated once and reused, not grown.
- **Text** is projected to keys and values for all layers once, in ``begin``. No text is one word of zeros,
  ``torch.zeros(1, dim)``: attending to any number of those gives the same.
- **Precision**: ``text`` and the logits are float32, whatever the backend computes in. A backend that does
  not compute in float32 keeps its logits within 2 % of float32 (norm of the difference, relative) under
  teacher forcing.
- **Independence**: a row's logits do not depend on which other rows are in a call, but for rounding.
- **Isolation**: a NaN in a row reaches that row's logits and no other's, and does not outlive ``begin``.
- **Threads**: one thread owns a backend and makes all calls. A backend may compute on several threads
  within a call; when a call has returned, none of them is running (or spinning), since the codec runs next.
  It may use as many as ``torch.get_num_threads()`` returns when it is made.
- **Synchronization**: on a GPU no call waits for the device, except to capture a graph.
- **Errors**: out of memory as torch's own error or MemoryError, before any other row is changed.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.weights import DecoderWeights


class Backend(Protocol):
    """A language model that computes rows. The module's docstring has the rules."""

    @property
    def rows(self) -> int:
        """Return how many rows there can be, numbered from 0."""
        ...

    @property
    def steps(self) -> int:
        """Return how many columns a row can hold."""
        ...

    @property
    def device(self) -> torch.device:
        """Return the device of tokens, texts and logits."""
        ...

    def begin(self, row: int, text: Tensor) -> None:
        """Start a sequence. `text` (words, dim) is float32, of the model's width, with at least one word."""
        ...

    def rewind(self, row: int) -> None:
        """Drop the row's cached columns and go back to position 0; its text stays."""
        ...

    def prefill(self, rows: Sequence[int], tokens: Tensor) -> None:
        """Compute known columns: `tokens` (len(rows), codebooks, columns), int64."""
        ...

    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Compute one column of each row, and return the logits of the next.

        `tokens` (len(rows), codebooks), int64, each 0 to card. Returns logits (len(rows), codebooks, card),
        float32, in the order of `rows`; they may be overwritten by the next call.
        """
        ...

    def release(self, row: int) -> None:
        """Free the row; it is not used until it is begun again."""
        ...


BackendFactory: TypeAlias = Callable[[DecoderWeights, int, int], Backend]
"""Makes a backend from weights, a number of rows and a number of steps. It may keep the weights or copies.

Raises torch's out of memory or MemoryError.
"""
