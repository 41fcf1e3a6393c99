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
from webapp.engines.audiocraft.decoder.batch_state import Active, Board, WindowState
from webapp.engines.audiocraft.decoder.delays import delayed, final_frames, frames_in
from webapp.engines.audiocraft.decoder.full_step import StepsWhole
from webapp.engines.audiocraft.devices import on_one_thread
from webapp.engines.audiocraft.sampling import DrawerFactory, GuidedSampler
from webapp.engines.audiocraft.sequence import Job
from webapp.engines.audiocraft.windows import Window

ROWS_PER_JOB: Final = 2
PREFILL_COLUMNS: Final = 64
"""Known columns that a processor takes in between two steps of the others; cut alike, so that rounding is."""
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
        """Return whether all columns but the newest were taken in; that one comes with the next step."""
        return self.fed == self.step - 1

    @property
    def columns(self) -> int:
        return len(self.begun.columns)


class RowsDecoding:
    """A :class:`webapp.engines.audiocraft.sequence.Decoding` of rows of a backend."""

    def __init__(
        self,
        backend: Backend,
        codebooks: int,
        card: int,
        delays: Sequence[int],
        *,
        look_every: int | None = None,
        prefill_columns: int | None = None,
        make_drawer: DrawerFactory = GuidedSampler,
    ) -> None:
        """Broken numbers are looked for every `look_every` steps, `prefill_columns` known columns are taken
        in between two steps; None for what suits the device: a GPU takes a few as long as all.
        """
        self._backend = backend
        self._delays = tuple(delays)
        self._codebooks, self._card = codebooks, card
        self._capacity = backend.rows // ROWS_PER_JOB
        self._board = Board(self._capacity, backend.steps, codebooks, card, backend.device, make_drawer)
        self._whole = backend if isinstance(backend, StepsWhole) else None
        if self._whole is not None:
            self._whole.bind(self._board.tensors)
        self._places: dict[int, _Place] = {}
        self._active: Active | None = None
        self._look_every = look_every or (1 if backend.device.type == "cpu" else LOOK_EVERY)
        self._prefill_columns = prefill_columns or (
            PREFILL_COLUMNS if backend.device.type == "cpu" else backend.steps
        )
        self._steps_since_look = 0

    @property
    def capacity(self) -> int:
        return self._capacity

    def steps(self, window: Window) -> int:
        return window.new + max(self._delays)

    def join(self, job: Job) -> None:
        slot = min(set(range(self._capacity)) - self._places.keys())
        text_row, absent_row = ROWS_PER_JOB * slot, ROWS_PER_JOB * slot + 1
        try:
            self._backend.begin(text_row, job.prompt.text)
            self._backend.begin(absent_row, job.prompt.absent)
            state = job.paused if isinstance(job.paused, WindowState) else self._beginning(job)
            self._place(job, slot, state)
        except BaseException:
            self._backend.release(text_row)
            self._backend.release(absent_row)
            raise

    def leave(self, job: Job) -> None:
        place = self._place_of(job)
        job.paused = None if job.is_decoded else self._state(place)
        del self._places[place.slot]
        self._active = None
        for row in place.rows:
            self._backend.release(row)

    def advance(self) -> Sequence[Job]:
        # What comes after a step may have run out of memory; it is made up for before the next.
        if not self._is_due:
            self._take_in_known()
            if ready := self._ready():
                self._step(ready)
            self._steps_since_look += 1
            if not self._is_due:
                return ()
        sick = self._look(self._ready())
        self._steps_since_look = 0
        return sick

    @property
    def _is_due(self) -> bool:
        """Return whether it is time to look: the host does it now and then, and at the end of a window."""
        is_end = any(place.step == place.columns for place in self._places.values())
        return is_end or self._steps_since_look >= self._look_every

    def _ready(self) -> list[_Place]:
        return [place for place in self._places.values() if place.is_ready]

    def _step(self, ready: Sequence[_Place]) -> None:
        if self._whole is not None:
            self._whole.step_whole([(place.slot, *place.rows) for place in ready])
        else:
            self._step_and_settle(ready)
        for place in ready:
            place.fed = place.step
            place.step += 1
            place.job.steps_done += 1

    def _step_and_settle(self, ready: Sequence[_Place]) -> None:
        active = self._active_of(ready)
        with on_one_thread():
            columns = self._board.last(active).repeat_interleave(ROWS_PER_JOB, dim=0)
        logits = self._backend.step([row for place in ready for row in place.rows], columns)
        with on_one_thread():
            try:
                shape = len(ready), ROWS_PER_JOB, self._codebooks, self._card
                self._board.settle(active, logits.view(shape))
            except BaseException:
                self._take_back(ready)
                raise

    def _take_in_known(self) -> None:
        """Give the backend some more of what one window begins with."""
        waiting = next((place for place in self._places.values() if not place.is_ready), None)
        if waiting is None:
            return
        end = min(waiting.fed + self._prefill_columns, waiting.step - 1)
        columns = self._board.columns(waiting.slot, waiting.fed, end).T
        self._backend.prefill(waiting.rows, columns.expand(ROWS_PER_JOB, -1, -1))
        waiting.fed = end

    def _look(self, ready: Sequence[_Place]) -> list[Job]:
        """Wait for the steps so far: what is sound becomes final, what is not goes back."""
        if not ready:
            return []
        is_sick = dict(zip(ready, self._board.look(self._active_of(ready)), strict=True))
        for place in ready:
            if not is_sick[place]:
                place.safe = place.step
                self._publish(place)
        # Last, since publishing may run out of memory, and this can be told only once.
        sick = [place for place in ready if is_sick[place]]
        for place in sick:
            place.job.steps_done -= place.step - place.safe
            place.step = place.safe
        return [place.job for place in sick]

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
            job.go_on(lambda: self._place_next(place))

    def _place_next(self, place: _Place) -> None:
        """Put a job's next window in its place."""
        state = self._beginning(place.job)
        for row in place.rows:
            self._backend.rewind(row)
        self._place(place.job, place.slot, state)

    def _take_back(self, places: Sequence[_Place]) -> None:
        """Let rows forget a step that was not settled: they begin anew with what is known."""
        for place in places:
            for row in place.rows:
                self._backend.rewind(row)
            place.fed = 0
            self._board.go_back(place.slot, place.step)

    def _place(self, job: Job, slot: int, state: WindowState) -> None:
        if self._whole is not None:
            self._board.choose(slot, job.settings)
        self._board.put(slot, state)
        self._places[slot] = _Place(job, slot, state, state.step, state.step)
        self._active = None

    def _beginning(self, job: Job) -> WindowState:
        """The beginning of a job's current window."""
        window = job.current
        columns = delayed(job.given(), window.length, self._delays, self._card)
        uniform = torch.zeros(columns.shape)
        uniform[1 + window.prompt :] = job.numbers(self.steps(window), self._codebooks)
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
