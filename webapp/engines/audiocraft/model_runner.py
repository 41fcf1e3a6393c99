"""The interface of model runners: a batch of token sequences, advanced one step at a time."""

from collections.abc import Sequence
from typing import Protocol

from webapp.engines.audiocraft.sequence import TokenSequence
from webapp.engines.audiocraft.windows import Window


class ModelRunner(Protocol):
    """Runs one model on a batch of sequences. One thread uses it, in torch's inference mode."""

    @property
    def capacity(self) -> int:
        """Return the largest batch that fits."""
        ...

    def window_steps(self, window: Window) -> int:
        """Return how many steps a window takes."""
        ...

    def add(self, sequence: TokenSequence) -> None:
        """Add a sequence to the batch, at the start of a window or where it was when it was removed.

        Raises torch's out of memory or MemoryError, and then has not added it.
        """
        ...

    def remove(self, sequence: TokenSequence) -> None:
        """Remove a sequence from the batch and save in it what :meth:`add` needs to resume it."""
        ...

    def step(self) -> Sequence[TokenSequence]:
        """Run one step for the whole batch.

        A decoded sequence has to be removed before the next step. Returns the sequences whose logits were not
        finite; they are rolled back to their last verified step. Raises torch's out of memory or MemoryError:
        no sequence has advanced then, and the step may be retried with a smaller batch.
        """
        ...
