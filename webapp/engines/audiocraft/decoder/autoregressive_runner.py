"""Runs MusicGen and AudioGen on a batch of sequences, each at its own column of its own window.

Every sequence has a slot, and two rows of a backend: one attends to its text, the other to no text, for
classifier-free guidance. The prompt of a window is prefilled in parts, between the steps of the other
sequences, so that a sequence that joins or starts its next window does not hold them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

from webapp.engines.audiocraft.decoder.backend import Backend
from webapp.engines.audiocraft.decoder.batch_state import ActiveSlots, BatchState, WindowState
from webapp.engines.audiocraft.decoder.delays import delayed, final_frames, frames_in
from webapp.engines.audiocraft.decoder.full_step import FullStepBackend
from webapp.engines.audiocraft.devices import on_one_thread
from webapp.engines.audiocraft.sampling import GuidedSampler, TokenSamplerFactory
from webapp.engines.audiocraft.sequence import TokenSequence
from webapp.engines.audiocraft.windows import Window

ROWS_PER_SEQUENCE: Final = 2
PREFILL_COLUMNS: Final = 64
"""Columns that a CPU prefills between two steps; always cut alike, so that rounding is the same."""
CHECK_EVERY: Final = 32
"""Steps between two checks for logits that are not finite, where a check waits for a device."""


@dataclass(slots=True, eq=False)
class _Slot:
    """A sequence in a slot of the batch.

    Columns before `step` are sampled; of these, the columns before `verified` come from finite logits. The
    backend has computed the keys and values of the first `computed` columns.
    """

    sequence: TokenSequence
    index: int
    initial: WindowState
    step: int
    verified: int
    computed: int = 0

    @property
    def rows(self) -> tuple[int, int]:
        return ROWS_PER_SEQUENCE * self.index, ROWS_PER_SEQUENCE * self.index + 1

    @property
    def is_prefilled(self) -> bool:
        """Return whether all columns but the newest are computed; that one is the input of the next step."""
        return self.computed == self.step - 1

    @property
    def columns(self) -> int:
        return len(self.initial.columns)


class AutoregressiveRunner:
    """A :class:`webapp.engines.audiocraft.model_runner.ModelRunner` on the rows of a backend."""

    def __init__(
        self,
        backend: Backend,
        codebooks: int,
        card: int,
        delays: Sequence[int],
        *,
        check_every: int | None = None,
        prefill_columns: int | None = None,
        make_sampler: TokenSamplerFactory = GuidedSampler,
    ) -> None:
        """Check that logits are finite every `check_every` steps; prefill `prefill_columns` at a time.

        None chooses by the device: a GPU prefills all columns in the time of a few.
        """
        self._backend = backend
        self._delays = tuple(delays)
        self._codebooks, self._card = codebooks, card
        self._capacity = backend.rows // ROWS_PER_SEQUENCE
        self._batch = BatchState(self._capacity, backend.steps, codebooks, card, backend.device, make_sampler)
        self._full_step = backend if isinstance(backend, FullStepBackend) else None
        if self._full_step is not None:
            self._full_step.bind(self._batch.tensors)
        self._slots: dict[int, _Slot] = {}
        self._active: ActiveSlots | None = None
        self._check_every = check_every or (1 if backend.device.type == "cpu" else CHECK_EVERY)
        self._prefill_columns = prefill_columns or (
            PREFILL_COLUMNS if backend.device.type == "cpu" else backend.steps
        )
        self._steps_since_check = 0

    @property
    def capacity(self) -> int:
        return self._capacity

    def window_steps(self, window: Window) -> int:
        return window.new + max(self._delays)

    def add(self, sequence: TokenSequence) -> None:
        index = min(set(range(self._capacity)) - self._slots.keys())
        text_row, null_row = ROWS_PER_SEQUENCE * index, ROWS_PER_SEQUENCE * index + 1
        try:
            self._backend.begin(text_row, sequence.prompt.text)
            self._backend.begin(null_row, sequence.prompt.unconditional)
            saved = sequence.saved_state
            state = saved if isinstance(saved, WindowState) else self._initial_state(sequence)
            self._assign(sequence, index, state)
        except BaseException:
            self._backend.release(text_row)
            self._backend.release(null_row)
            raise

    def remove(self, sequence: TokenSequence) -> None:
        slot = self._slot_of(sequence)
        sequence.saved_state = None if sequence.is_decoded else self._current_state(slot)
        del self._slots[slot.index]
        self._active = None
        for row in slot.rows:
            self._backend.release(row)

    def step(self) -> Sequence[TokenSequence]:
        # A check may have run out of memory after its step; it is made up for before the next step.
        if not self._is_check_due:
            self._prefill_next()
            if ready := self._ready():
                self._step_slots(ready)
            self._steps_since_check += 1
            if not self._is_check_due:
                return ()
        not_finite = self._verify(self._ready())
        self._steps_since_check = 0
        return not_finite

    @property
    def _is_check_due(self) -> bool:
        """Return whether to check the logits: every `check_every` steps, and at the end of a window."""
        is_end = any(slot.step == slot.columns for slot in self._slots.values())
        return is_end or self._steps_since_check >= self._check_every

    def _ready(self) -> list[_Slot]:
        return [slot for slot in self._slots.values() if slot.is_prefilled]

    def _step_slots(self, ready: Sequence[_Slot]) -> None:
        if self._full_step is not None:
            self._full_step.full_step([(slot.index, *slot.rows) for slot in ready])
        else:
            self._step_and_sample(ready)
        for slot in ready:
            slot.computed = slot.step
            slot.step += 1
            slot.sequence.steps_done += 1

    def _step_and_sample(self, ready: Sequence[_Slot]) -> None:
        active = self._activated(ready)
        with on_one_thread():
            columns = self._batch.last_tokens(active).repeat_interleave(ROWS_PER_SEQUENCE, dim=0)
        logits = self._backend.step([row for slot in ready for row in slot.rows], columns)
        with on_one_thread():
            try:
                shape = len(ready), ROWS_PER_SEQUENCE, self._codebooks, self._card
                self._batch.sample(active, logits.view(shape))
            except BaseException:
                self._undo_step(ready)
                raise

    def _prefill_next(self) -> None:
        """Prefill some more columns of one window's prompt."""
        waiting = next((slot for slot in self._slots.values() if not slot.is_prefilled), None)
        if waiting is None:
            return
        end = min(waiting.computed + self._prefill_columns, waiting.step - 1)
        columns = self._batch.columns(waiting.index, waiting.computed, end).T
        self._backend.prefill(waiting.rows, columns.expand(ROWS_PER_SEQUENCE, -1, -1))
        waiting.computed = end

    def _verify(self, ready: Sequence[_Slot]) -> list[TokenSequence]:
        """Wait for the steps so far; commit those with finite logits, and roll back the others."""
        if not ready:
            return []
        is_broken = dict(zip(ready, self._batch.not_finite(self._activated(ready)), strict=True))
        for slot in ready:
            if not is_broken[slot]:
                slot.verified = slot.step
                self._commit(slot)
        # Last, since a commit may run out of memory, and a sequence is reported only once.
        broken = [slot for slot in ready if is_broken[slot]]
        for slot in broken:
            slot.sequence.steps_done -= slot.step - slot.verified
            slot.step = slot.verified
        return [slot.sequence for slot in broken]

    def _commit(self, slot: _Slot) -> None:
        """Give a sequence its final frames, and start its next window if this one is finished."""
        sequence, window = slot.sequence, slot.sequence.current
        final = final_frames(slot.step, window.length, self._delays)
        start = sequence.final_frames - window.start
        if final > start:
            # From the first column that holds one of these frames.
            columns = self._batch.columns(slot.index, start, slot.step)
            sequence.commit(frames_in(columns, 0, final - start, self._delays), window.start + final)
        if slot.step == slot.columns:
            sequence.finish_window(lambda: self._start_window(slot))

    def _start_window(self, slot: _Slot) -> None:
        """Put a sequence's current window into its slot."""
        state = self._initial_state(slot.sequence)
        for row in slot.rows:
            self._backend.rewind(row)
        self._assign(slot.sequence, slot.index, state)

    def _undo_step(self, slots: Sequence[_Slot]) -> None:
        """Rewind rows whose step was not sampled; their columns are prefilled again."""
        for slot in slots:
            for row in slot.rows:
                self._backend.rewind(row)
            slot.computed = 0
            self._batch.rewind(slot.index, slot.step)

    def _assign(self, sequence: TokenSequence, index: int, state: WindowState) -> None:
        if self._full_step is not None:
            self._batch.set_sampling(index, sequence.settings)
        self._batch.put(index, state)
        self._slots[index] = _Slot(sequence, index, state, state.step, state.step)
        self._active = None

    def _initial_state(self, sequence: TokenSequence) -> WindowState:
        """Return the start of a sequence's current window."""
        window = sequence.current
        columns = delayed(sequence.prompt_tokens(), window.length, self._delays, self._card)
        uniform = torch.zeros(columns.shape)
        uniform[1 + window.prompt :] = sequence.uniforms(self.window_steps(window), self._codebooks)
        return WindowState(columns, uniform, 1 + window.prompt)

    def _current_state(self, slot: _Slot) -> WindowState:
        sampled = self._batch.columns(slot.index, 0, slot.verified)
        columns = torch.cat([sampled, slot.initial.columns[slot.verified :]])
        return WindowState(columns, slot.initial.uniform, slot.verified)

    def _activated(self, ready: Sequence[_Slot]) -> ActiveSlots:
        indices = tuple(slot.index for slot in ready)
        if self._active is None or self._active.slots != indices:
            self._active = self._batch.activate(indices, [slot.sequence.settings for slot in ready])
        return self._active

    def _slot_of(self, sequence: TokenSequence) -> _Slot:
        return next(slot for slot in self._slots.values() if slot.sequence is sequence)
