"""Tasks of one model, side by side: who joins, who goes on, and what becomes of those in trouble.

Between two steps tasks join and leave, sound is made of what is final, and whoever asked is told. Trouble
of one job ends that job: numbers that are not finite are computed again in float32, a lack of memory means
fewer jobs at a time, and only what is left is a failure.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from webapp.audio.waveform import Samples, Waveform, frame_count
from webapp.engines.audiocraft.codec.background_decoder import CodecTurn
from webapp.engines.audiocraft.codec.chunk_decoder import Pieces
from webapp.engines.audiocraft.codec.decoder import CodecDecoder, SoundStream
from webapp.engines.audiocraft.devices import free_memory, is_device_lost, is_out_of_memory
from webapp.engines.audiocraft.sequence import Decoding, Job
from webapp.engines.base import (
    EngineError,
    EngineOutOfMemory,
    GenerationFailed,
    GenerationTask,
    TaskSource,
)

logger = logging.getLogger(__name__)

TOKENS_SHARE: Final = 0.95
"""Share of the work that is decoding tokens; the codec has the rest."""


@dataclass(slots=True, eq=False)
class _InHand:
    """A task that was taken: its tokens, its sound, and what its owner was told."""

    job: Job
    sound: SoundStream
    samples: Samples
    sounded: int = 0
    told: float = 0.0
    lane: Decoding | None = None
    needs_exact: bool = False

    @property
    def task(self) -> GenerationTask:
        return self.job.task


class Server:
    """Serves tasks with one loaded model. It belongs to one thread, like the model."""

    def __init__(
        self,
        make_job: Callable[[GenerationTask], Job],
        codec: CodecDecoder,
        sample_rate: int,
        channels: int,
        *,
        decoding: Decoding,
        make_exact: Callable[[], Decoding] | None,
        turn: CodecTurn | None = None,
    ) -> None:
        """`make_exact` makes what computes in float32, for jobs that need it; None if `decoding` does.

        With a `turn` pieces of sound are made beside the steps, else between them.
        """
        self._make_job = make_job
        self._codec = codec
        self._sample_rate, self._channels = sample_rate, channels
        self._decoding = decoding
        self._make_exact = make_exact
        self._pieces = Pieces(codec, turn)
        self._exact: Decoding | None = None
        self._hand: list[_InHand] = []
        self._waiting: deque[_InHand] = deque()
        self._limit = decoding.capacity

    @property
    def capacity(self) -> int:
        """Return how many tasks it has in hand at most."""
        return self._decoding.capacity

    @property
    def sample_rate(self) -> int:
        return self._sample_rate

    @property
    def channels(self) -> int:
        return self._channels

    @torch.inference_mode()
    def serve(self, source: TaskSource) -> None:
        """Generate until nothing is in hand and the source gives no more."""
        self._limit = self._decoding.capacity
        try:
            while self._take(source):
                self._drop_cancelled()
                self._join()
                for lane in (self._decoding, self._exact):
                    if lane is not None and (members := self._members(lane)):
                        self._advance(lane, members)
                self._pieces.begin([(one.sound, one.job.final_frames) for one in self._hand])
                for one in tuple(self._hand):
                    self._go_on(one)
        except Exception as error:
            if is_device_lost(error, self._codec.device):
                # To let go properly would take the device.
                self._hand.clear()
                self._waiting.clear()
            raise
        finally:
            for one in tuple(self._hand):
                self._let_go(one)
            self._exact = None

    def _take(self, source: TaskSource) -> bool:
        """Ask for one further task if there is room; whether any are in hand.

        One between two steps: to read a text takes the time of some steps, in which all others wait.
        """
        while len(self._hand) < self._limit and (tasks := source.take(1)):
            with self._ending_with_its_error(tasks[0]):
                self._accept(tasks[0])
                break
        return bool(self._hand)

    def _accept(self, task: GenerationTask) -> None:
        task.cancel.raise_if_cancelled()
        one = self._begun(task)
        self._hand.append(one)
        self._waiting.append(one)

    def _begun(self, task: GenerationTask) -> _InHand:
        job = self._make_job(task)
        wanted = max(1, frame_count(task.request.duration_s, self._sample_rate))
        length = min(wanted, job.frames * self._codec.hop)
        return _InHand(job, self._codec.stream(job.tokens), np.empty((self._channels, length), np.float32))

    def _drop_cancelled(self) -> None:
        for one in tuple(self._hand):
            with self._care(one):
                one.task.cancel.raise_if_cancelled()

    def _join(self) -> None:
        """Let those who wait into what decodes, first come first."""
        for one in tuple(self._waiting):
            with self._care(one):
                lane = self._lane_for(one)
                if len(self._members(lane)) >= min(lane.capacity, self._limit):
                    continue
                if self._joined(one, lane):
                    self._waiting.remove(one)
                else:
                    return

    def _joined(self, one: _InHand, lane: Decoding) -> bool:
        """Return whether a job could join; if not, it waits until there are fewer."""
        try:
            lane.join(one.job)
        except Exception as error:
            others = len(self._members(lane))
            if not is_out_of_memory(error) or not others:
                raise
            self._limit = others
        else:
            one.lane = lane
            return True
        free_memory(self._codec.device)
        return False

    def _lane_for(self, one: _InHand) -> Decoding:
        if not one.needs_exact or self._make_exact is None:
            return self._decoding
        if self._exact is None:
            self._exact = self._make_exact()
        return self._exact

    def _members(self, lane: Decoding) -> list[_InHand]:
        return [one for one in self._hand if one.lane is lane]

    def _advance(self, lane: Decoding, members: Sequence[_InHand]) -> None:
        """One step for everyone in a lane."""
        sick: Sequence[Job] = ()
        trouble: Exception | None = None
        try:
            sick = lane.advance()
        except Exception as error:  # noqa: BLE001 - told to whom it concerns, once its tensors are let go
            trouble = error
        if trouble is not None:
            self._get_over(lane, members, trouble)
        for one in members:
            if one.job in sick:
                with self._care(one):
                    self._compute_exactly(one)

    def _get_over(self, lane: Decoding, members: Sequence[_InHand], error: Exception) -> None:
        """Go on with fewer jobs when memory ran out; any other error of a step is everyone's."""
        if is_device_lost(error, self._codec.device):
            raise error
        is_memory = is_out_of_memory(error)
        error.__traceback__ = None  # Holds what the failed step had made.
        if is_memory:
            free_memory(self._codec.device)
        if is_memory and len(members) > 1:
            last = members[-1]
            lane.leave(last.job)
            last.lane = None
            self._waiting.appendleft(last)
            self._limit = len(members) - 1
        else:
            for one in members:
                with self._care(one):
                    raise error

    def _compute_exactly(self, one: _InHand) -> None:
        """Let a job go on in float32 from where its numbers were still sound."""
        if one.needs_exact or self._make_exact is None:
            raise GenerationFailed("the language model gave numbers that are not finite")
        logger.warning("numbers that are not finite: going on in float32")
        if one.lane is not None:
            one.lane.leave(one.job)
        one.lane, one.needs_exact = None, True
        self._waiting.appendleft(one)

    def _go_on(self, one: _InHand) -> None:
        """Make what sound can be made, tell how far the job is, and end it when it is done."""
        with self._care(one):
            job = one.job
            if job.is_decoded and one.lane is not None:
                one.lane.leave(job)
                one.lane = None
            self._sound(one)
            decoded, sounded = job.steps_done / job.steps, one.sound.done_frames / job.frames
            share = TOKENS_SHARE * decoded + (1 - TOKENS_SHARE) * sounded
            if share > one.told:
                one.told = share
                one.task.progressed(share)
            if one.sound.is_done:
                one.task.cancel.raise_if_cancelled()
                self._hand.remove(one)
                self._limit = min(self._limit + 1, self._decoding.capacity)
                one.task.finished(Waveform(one.samples, self._sample_rate))

    def _sound(self, one: _InHand) -> None:
        """Make at most one piece of sound."""
        # Without steps to take there is nothing else to do than to wait for what is under way.
        is_idle = all(each.lane is None for each in self._hand)
        piece = self._pieces.take(one.sound, one.job.final_frames, waits=is_idle)
        if piece is None:
            return
        piece = piece[:, : one.samples.shape[1] - one.sounded]
        end = one.sounded + piece.shape[1]
        one.samples[:, one.sounded : end] = piece
        one.sounded = end
        if piece.shape[1]:
            one.task.sounded(Waveform(piece, self._sample_rate))

    @contextmanager
    def _care(self, one: _InHand) -> Iterator[None]:
        """Inside, an error ends this job and no other."""
        with self._ending_with_its_error(one.task):
            try:
                yield
            except BaseException as error:
                if not is_device_lost(error, self._codec.device):
                    self._let_go(one)
                raise

    def _let_go(self, one: _InHand) -> None:
        self._pieces.forget(one.sound)
        if one.lane is not None:
            one.lane.leave(one.job)
            one.lane = None
        if one in self._waiting:
            self._waiting.remove(one)
        if one in self._hand:
            self._hand.remove(one)

    @contextmanager
    def _ending_with_its_error(self, task: GenerationTask) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if is_device_lost(error, self._codec.device):
                raise
            if isinstance(error, EngineError):
                task.failed(error)
            elif is_out_of_memory(error):
                task.failed(EngineOutOfMemory(str(error)))
            else:
                logger.exception("a job failed")
                task.failed(GenerationFailed(f"{type(error).__name__}: {error}"))
