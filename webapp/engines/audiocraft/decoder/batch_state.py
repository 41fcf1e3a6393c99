"""The state of a batch on the device. Nothing here waits for the device but `not_finite`.

Each slot holds one window of one sequence: its columns, its random numbers, and its current step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.delays import UNKNOWN
from webapp.engines.audiocraft.decoder.full_step import BatchTensors
from webapp.engines.audiocraft.devices import on_device
from webapp.engines.audiocraft.sampling import GuidedSampler, TokenSampler, TokenSamplerFactory, TokenSampling


@dataclass(frozen=True, slots=True)
class WindowState:
    """A window that is being decoded, in a slot or saved.

    `columns` (columns, codebooks) has UNKNOWN where tokens are missing; `uniform` (columns, codebooks)
    holds a random number for each; `step` is the column to sample next.
    """

    columns: Tensor
    uniform: Tensor
    step: int


@dataclass(frozen=True, slots=True)
class ActiveSlots:
    """Slots that are decoded together, and the sampler with the settings of their sequences."""

    slots: tuple[int, ...]
    index: Tensor
    sample: TokenSampler


class BatchState:
    """Slots for `slots` sequences with windows of at most `columns` columns."""

    def __init__(
        self,
        slots: int,
        columns: int,
        codebooks: int,
        card: int,
        device: torch.device,
        make_sampler: TokenSamplerFactory = GuidedSampler,
    ) -> None:
        # One more slot than there are sequences: the padding of full steps.
        shape = (slots + 1, columns, codebooks)
        self._tokens = torch.full(shape, card, device=device)
        self._uniform = torch.zeros(shape, device=device)
        self._step = torch.ones(slots + 1, dtype=torch.int64, device=device)
        self._not_finite = torch.zeros(slots + 1, dtype=torch.bool, device=device)
        self._settings = torch.zeros(slots + 1, 4, device=device)
        self._card = card
        self._make_sampler = make_sampler
        self._device = device

    @property
    def tensors(self) -> BatchTensors:
        """The tensors of all slots, for full steps."""
        return BatchTensors(self._tokens, self._uniform, self._step, self._not_finite, self._settings)

    def set_sampling(self, slot: int, settings: TokenSampling) -> None:
        """Set how full steps sample the tokens of a slot."""
        top_k = min(settings.top_k, self._card)
        numbers = settings.temperature, top_k, settings.top_p, settings.guidance
        self._settings[slot] = on_device(numbers, self._device, torch.float32)

    def put(self, slot: int, state: WindowState) -> None:
        """Put a window into a slot."""
        count = len(state.columns)
        self._tokens[slot, :count] = state.columns
        self._uniform[slot, :count] = on_device(state.uniform, self._device)
        self._step[slot].fill_(state.step)
        self._not_finite[slot].fill_(value=False)

    def rewind(self, slot: int, step: int) -> None:
        """Go back to a step of a slot; its tokens are sampled again with the same random numbers."""
        self._step[slot].fill_(step)

    def columns(self, slot: int, start: int, end: int) -> Tensor:
        """Copy columns `start` to `end` of a slot: (columns, codebooks)."""
        return self._tokens[slot, start:end].clone()

    def activate(self, slots: Sequence[int], settings: Sequence[TokenSampling]) -> ActiveSlots:
        """Return slots to be decoded together from now on."""
        return ActiveSlots(
            tuple(slots),
            on_device(slots, self._device),
            self._make_sampler(settings, self._card, self._device),
        )

    def last_tokens(self, active: ActiveSlots) -> Tensor:
        """Return the newest column of each slot: (sequences, codebooks)."""
        return self._tokens[active.index, self._step[active.index] - 1]

    def sample(self, active: ActiveSlots, logits: Tensor) -> None:
        """Sample the next column of each slot from logits (sequences, 2, codebooks, card)."""
        index, step = active.index, self._step[active.index]
        sampled, is_finite = active.sample(logits, self._uniform[index, step])
        self._not_finite[index] |= ~is_finite
        before = self._tokens[index, step]
        self._tokens[index, step] = torch.where(before == UNKNOWN, sampled, before)
        self._step[index] = step + 1

    def not_finite(self, active: ActiveSlots) -> list[bool]:
        """Return whether each slot has had logits that are not finite. Waits for the device."""
        found: list[bool] = self._not_finite[active.index].tolist()
        return found
