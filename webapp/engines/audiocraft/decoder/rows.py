"""MusicGen and AudioGen, many jobs side by side: each at its own column of its own window.

Every job has a slot, and two rows of a backend: one sees its text, the other the text's absence. What a
window begins with is taken in piece by piece, between the steps of the others, so that a job that joins or
goes on to its next window does not hold them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

from webapp.engines.audiocraft.decoder.backend import Backend
from webapp.engines.audiocraft.decoder.board import Active, Board, WindowState
from webapp.engines.audiocraft.decoder.delays import delayed, final_frames, frames_in
from webapp.engines.audiocraft.devices import on_one_thread
from webapp.engines.audiocraft.job import Job
from webapp.engines.audiocraft.sampling import DrawerFactory, GuidedSampler
from webapp.engines.audiocraft.windows import Window

ROWS_PER_JOB: Final = 2
PREFILL_COLUMNS: Final = 64
"""Known columns taken in between two steps of the others; always cut alike, so that rounding is alike."""
LOOK_EVERY: Final = 32
"""Steps between two looks for broken numbers where looking means waiting for a device."""


@dataclass(slots=True, eq=False)
class _Place:
    """A job in a slot. Columns before `step` are decided, of which those before `safe` are known to be sound.

    The backend has taken in the first `fed` of them.
    """

    job: Job
    slot: int
    begun: WindowState
    step: int
    safe: int
    fed: int = 0

    @property
    def rows(self) -> tuple[int, int]:
        return ROWS_PER_JOB * self.slot, ROWS_PER_JOB * self.slot + 1

    @property
    def is_ready(self) -> bool:
        """Whether all columns but the newest were taken in; that one comes with the next step."""
        return self.fed == self.step - 1

    @property
    def columns(self) -> int:
        return len(self.begun.columns)


class RowsDecoding:
    """A :class:`webapp.engines.audiocraft.job.Decoding` of rows of a backend."""

    def __init__(
        self,
        backend: Backend,
        codebooks: int,
        card: int,
        delays: Sequence[int],
        *,
        look_every: int | None = None,
        make_drawer: DrawerFactory = GuidedSampler,
    ) -> None:
        """Broken numbers are looked for every `look_every` steps; None for what suits the device."""
        self._backend = backend
        self._delays = tuple(delays)
        self._codebooks, self._card = codebooks, card
        self._capacity = backend.rows // ROWS_PER_JOB
        self._board = Board(self._capacity, backend.steps, codebooks, card, backend.device, make_drawer)
        self._places: dict[int, _Place] = {}
        self._active: Active | None = None
        self._look_every = look_every or (1 if backend.device.type == "cpu" else LOOK_EVERY)
        self._steps_since_look = 0

    @property
    def capacity(self) -> int:
        return self._capacity

    def steps(self, window: Window) -> int:
        return window.new + max(self._delays)

    def join(self, job: Job) -> None:
        slot = min(set(range(self._capacity)) - self._places.keys())
        text_row, absent_row = ROWS_PER_JOB * slot, ROWS_PER_JOB * slot + 1
        self._backend.begin(text_row, job.prompt.text)
        self._backend.begin(absent_row, job.prompt.absent)
        state = job.paused if isinstance(job.paused, WindowState) else self._beginning(job)
        self._place(job, slot, state)

    def leave(self, job: Job) -> None:
        place = self._place_of(job)
        job.paused = None if job.is_decoded else self._state(place)
        del self._places[place.slot]
        self._active = None
        for row in place.rows:
            self._backend.release(row)

    def advance(self) -> Sequence[Job]:
        self._take_in_known()
        ready = [place for place in self._places.values() if place.is_ready]
        if ready:
            self._step(ready)
        is_end = any(place.step == place.columns for place in ready)
        self._steps_since_look += 1
        if not (is_end or self._steps_since_look >= self._look_every):
            return ()
        self._steps_since_look = 0
        return self._look(ready)

    def _step(self, ready: Sequence[_Place]) -> None:
        active = self._active_of(ready)
        with on_one_thread():
            columns = self._board.last(active).repeat_interleave(ROWS_PER_JOB, dim=0)
        logits = self._backend.step([row for place in ready for row in place.rows], columns)
        with on_one_thread():
            self._board.settle(active, logits.view(len(ready), ROWS_PER_JOB, self._codebooks, self._card))
        for place in ready:
            place.fed = place.step
            place.step += 1
            place.job.steps_done += 1

    def _take_in_known(self) -> None:
        """Give the backend some more of what one window begins with."""
        waiting = next((place for place in self._places.values() if not place.is_ready), None)
        if waiting is None:
            return
        end = min(waiting.fed + PREFILL_COLUMNS, waiting.step - 1)
        columns = self._board.columns(waiting.slot, waiting.fed, end).T
        self._backend.prefill(waiting.rows, columns.expand(ROWS_PER_JOB, -1, -1))
        waiting.fed = end

    def _look(self, ready: Sequence[_Place]) -> list[Job]:
        """Wait for the steps so far: what is sound becomes final, what is not goes back."""
        if not ready:
            return []
        sick: list[Job] = []
        for place, is_sick in zip(ready, self._board.look(self._active_of(ready)), strict=True):
            if is_sick:
                place.job.steps_done -= place.step - place.safe
                place.step = place.safe
                sick.append(place.job)
            else:
                place.safe = place.step
                self._publish(place)
        return sick

    def _publish(self, place: _Place) -> None:
        """Give a job its final frames, and its next window if this one is done."""
        job, window = place.job, place.job.current
        final = final_frames(place.step, window.length, self._delays)
        start = job.final_frames - window.start
        if final > start:
            # From the first column that holds one of these frames.
            columns = self._board.columns(place.slot, start, place.step)
            job.take(frames_in(columns, 0, final - start, self._delays), window.start + final)
        if place.step == place.columns:
            job.window += 1
            if not job.is_decoded:
                for row in place.rows:
                    self._backend.rewind(row)
                self._place(job, place.slot, self._beginning(job))

    def _place(self, job: Job, slot: int, state: WindowState) -> None:
        self._board.put(slot, state)
        self._places[slot] = _Place(job, slot, state, state.step, state.step)
        self._active = None

    def _beginning(self, job: Job) -> WindowState:
        """A job's next window, drawing its numbers."""
        window = job.current
        columns = delayed(job.given(), window.length, self._delays, self._card)
        uniform = torch.zeros(columns.shape)
        uniform[1 + window.prompt :] = job.chance.draw(self.steps(window), self._codebooks)
        return WindowState(columns, uniform, 1 + window.prompt)

    def _state(self, place: _Place) -> WindowState:
        decided = self._board.columns(place.slot, 0, place.safe)
        columns = torch.cat([decided, place.begun.columns[place.safe :]])
        return WindowState(columns, place.begun.uniform, place.safe)

    def _active_of(self, ready: Sequence[_Place]) -> Active:
        slots = tuple(place.slot for place in ready)
        if self._active is None or self._active.slots != slots:
            self._active = self._board.active(slots, [place.job.settings for place in ready])
        return self._active

    def _place_of(self, job: Job) -> _Place:
        return next(place for place in self._places.values() if place.job is job)
