"""The contract between what decides about rows and what computes them.

A *row* is one sequence on its way through the language model: it attends to its own past and its own text,
and to nothing of any other row. A job with guidance uses two rows, one with its text and one with the
text's absence, which are given the same tokens; a backend need not know which belong together.

Life of a row: ``begin`` (a text), then ``prefill`` (columns that are known already, any number of calls),
then ``step`` after ``step``. ``rewind`` starts the row's next window with the same text; ``begin`` starts
another job in it; ``release`` says that nobody uses it. Rows join and leave between any two calls, and are
at different positions.

Rules for every backend:

- **Positions** are the backend's own: a row is at 0 after ``begin`` and ``rewind``, and every column given
  to it, by ``prefill`` or ``step``, moves it one further. It never goes beyond ``steps``: who calls sees to
  that. Memory for keys and values is taken once and reused, not grown.
- **Text** is projected to keys and values for all layers once, in ``begin``. The absence of a text is one
  word of zeros, ``torch.zeros(1, dim)``: attending to any number of those gives the same.
- **Precision**: ``text`` and the logits are float32 whatever is computed with in between. A backend that
  does not compute in float32 keeps its logits within 2 % of float32 (norm of the difference, relative)
  under teacher forcing.
- **Independence**: a row's logits do not depend on which other rows are in a call, but for rounding.
- **Garbage stays at home**: NaN in a row's numbers appears in that row's logits and in no other's, also
  after the row was begun again.
- **Threads**: one thread owns a backend and makes all calls. A backend may compute on several threads
  within a call; when a call has returned, none of them is running (or spinning), since the codec's turn is
  next. How many it may use is what ``torch.get_num_threads()`` says when it is made.
- **Waiting**: on a GPU no call waits for the device, but where it records what it does from then on.
- **Errors**: out of memory as torch's own or MemoryError, before anything of other rows is changed.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.weights import DecoderWeights


class Backend(Protocol):
    """A language model at work on rows. See the module's text for the rules."""

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
        """Where tokens and texts are expected, and logits are."""
        ...

    def begin(self, row: int, text: Tensor) -> None:
        """Start a sequence: `text` (words, dim), float32, projected to the model's width, at least a word."""
        ...

    def rewind(self, row: int) -> None:
        """Forget the row's columns and go back to position 0; its text stays."""
        ...

    def prefill(self, rows: Sequence[int], tokens: Tensor) -> None:
        """Take in columns that are known: `tokens` (len(rows), codebooks, columns), int64."""
        ...

    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Take in one column for each of some rows, and tell what comes next.

        `tokens` (len(rows), codebooks), int64, each 0 to card. Returns logits (len(rows), codebooks, card),
        float32, in the order of `rows`; they may be overwritten by the next call.
        """
        ...

    def release(self, row: int) -> None:
        """Nobody uses the row any more, until it is begun again."""
        ...


BackendFactory: TypeAlias = Callable[[DecoderWeights, int, int], Backend]
"""Makes a backend of some weights for so many rows of so many steps. It may keep the weights or copies.

Raises torch's out of memory or MemoryError.
"""
