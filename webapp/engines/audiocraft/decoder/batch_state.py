"""The tokens of jobs while they are decoded, on the device: nothing here waits for it, but for `look`.

Each slot holds one window of one job: its columns, the numbers it draws with, and how far it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.delays import UNKNOWN
from webapp.engines.audiocraft.decoder.full_step import BoardTensors
from webapp.engines.audiocraft.devices import on_device
from webapp.engines.audiocraft.sampling import Drawer, DrawerFactory, GuidedSampler, TokenSampling


@dataclass(frozen=True, slots=True)
class WindowState:
    """A window on its way, in any slot or none.

    `columns` (columns, codebooks) has UNKNOWN where tokens are missing; `uniform` (columns, codebooks)
    holds a number for each; the column to be decided next is `step`.
    """

    columns: Tensor
    uniform: Tensor
    step: int


@dataclass(frozen=True, slots=True)
class Active:
    """Slots that are decoded together, and what their jobs asked for."""

    slots: tuple[int, ...]
    index: Tensor
    draw: Drawer


class Board:
    """Slots for `slots` jobs with windows of at most `columns` columns."""

    def __init__(
        self,
        slots: int,
        columns: int,
        codebooks: int,
        card: int,
        device: torch.device,
        make_drawer: DrawerFactory = GuidedSampler,
    ) -> None:
        # One place more than there are jobs, for what takes part in a whole step without being anybody's.
        shape = (slots + 1, columns, codebooks)
        self._tokens = torch.full(shape, card, device=device)
        self._uniform = torch.zeros(shape, device=device)
        self._step = torch.ones(slots + 1, dtype=torch.int64, device=device)
        self._sick = torch.zeros(slots + 1, dtype=torch.bool, device=device)
        self._settings = torch.zeros(slots + 1, 4, device=device)
        self._card = card
        self._make_drawer = make_drawer
        self._device = device

    @property
    def tensors(self) -> BoardTensors:
        """Where everything lies, for whole steps."""
        return BoardTensors(self._tokens, self._uniform, self._step, self._sick, self._settings)

    def choose(self, slot: int, settings: TokenSampling) -> None:
        """Say how a slot's tokens are drawn in whole steps."""
        top_k = min(settings.top_k, self._card)
        numbers = settings.temperature, top_k, settings.top_p, settings.guidance
        self._settings[slot] = on_device(numbers, self._device, torch.float32)

    def put(self, slot: int, state: WindowState) -> None:
        """Place a window in a slot."""
        count = len(state.columns)
        self._tokens[slot, :count] = state.columns
        self._uniform[slot, :count] = on_device(state.uniform, self._device)
        self._step[slot].fill_(state.step)
        self._sick[slot].fill_(value=False)

    def go_back(self, slot: int, step: int) -> None:
        """Decide a column of a slot once more, with the same numbers."""
        self._step[slot].fill_(step)

    def columns(self, slot: int, start: int, end: int) -> Tensor:
        """A copy of columns `start` to `end` of a slot: (columns, codebooks)."""
        return self._tokens[slot, start:end].clone()

    def active(self, slots: Sequence[int], settings: Sequence[TokenSampling]) -> Active:
        """Slots to be decoded together from now on."""
        return Active(
            tuple(slots),
            on_device(slots, self._device),
            self._make_drawer(settings, self._card, self._device),
        )

    def last(self, active: Active) -> Tensor:
        """The newest decided column of each: (jobs, codebooks)."""
        return self._tokens[active.index, self._step[active.index] - 1]

    def settle(self, active: Active, logits: Tensor) -> None:
        """Decide the next column of each from logits (jobs, text and its absence, codebooks, card)."""
        index, step = active.index, self._step[active.index]
        drawn, is_sound = active.draw(logits, self._uniform[index, step])
        self._sick[index] |= ~is_sound
        before = self._tokens[index, step]
        self._tokens[index, step] = torch.where(before == UNKNOWN, drawn, before)
        self._step[index] = step + 1

    def look(self, active: Active) -> list[bool]:
        """Return whether each has had numbers that are not finite. Waits for the device."""
        found: list[bool] = self._sick[active.index].tolist()
        return found
