"""Continuous batching: schedules the tasks of one model onto its runner, step by step.

Sequences enter and leave the batch between two steps; finished frames are decoded to audio, and progress is
reported. The error of one sequence ends that sequence alone: logits that are not finite are recomputed in
float32, and a batch that does not fit into memory is made smaller. Only what remains is a failure.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from webapp.audio.waveform import Samples, Waveform, frame_count
from webapp.engines.audiocraft.codec.background_decoder import BackgroundDecoder
from webapp.engines.audiocraft.codec.chunk_decoder import ChunkDecoder
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.codec.waveform_stream import WaveformStream
from webapp.engines.audiocraft.devices import free_memory, is_device_lost, is_out_of_memory
from webapp.engines.audiocraft.model_runner import ModelRunner
from webapp.engines.audiocraft.sequence import TokenSequence
from webapp.engines.audiocraft.task_errors import failing
from webapp.engines.base import GenerationFailed, GenerationTask, TaskSource
from webapp.engines.continuation import MadeWaveform

logger = logging.getLogger(__name__)

TOKENS_SHARE: Final = 0.95
"""Share of the work that is decoding tokens; the rest is the codec's."""


@dataclass(slots=True, eq=False)
class _Scheduled:
    """An accepted task: its tokens, its audio so far, and the progress that was reported.

    `runner` is None while the sequence waits for a place in a batch.
    """

    sequence: TokenSequence
    stream: WaveformStream
    samples: Samples
    samples_done: int = 0
    reported: float = 0.0
    runner: ModelRunner | None = None
    needs_float32: bool = False

    @property
    def task(self) -> GenerationTask:
        return self.sequence.task


class Scheduler:
    """Runs tasks with one loaded model. It belongs to one thread, like the model."""

    def __init__(
        self,
        make_sequence: Callable[[GenerationTask], TokenSequence],
        codec: CodecDecoder,
        sample_rate: int,
        channels: int,
        *,
        runner: ModelRunner,
        make_float32: Callable[[], ModelRunner] | None,
        background: BackgroundDecoder | None = None,
        pack: Callable[[Tensor], bytes] = lambda _tokens: b"",
    ) -> None:
        """`make_float32` makes the float32 runner that takes over a sequence; None if `runner` is one.

        `pack` makes the material that is kept with a sound, from its tokens.
        A `background` decoder makes audio concurrently with the steps; without one it is made between them.
        """
        self._make_sequence = make_sequence
        self._codec = codec
        self._sample_rate, self._channels = sample_rate, channels
        self._runner = runner
        self._make_float32 = make_float32
        self._pack = pack
        self._chunks = ChunkDecoder(codec, background)
        self._float32_runner: ModelRunner | None = None
        self._scheduled: list[_Scheduled] = []
        self._waiting: deque[_Scheduled] = deque()
        self._limit = runner.capacity

    @property
    def capacity(self) -> int:
        """Return how many tasks it accepts at a time."""
        return self._runner.capacity

    @property
    def sample_rate(self) -> int:
        return self._sample_rate

    @property
    def channels(self) -> int:
        return self._channels

    @torch.inference_mode()
    def serve(self, source: TaskSource) -> None:
        """Generate until every accepted task has ended and the source gives no more."""
        self._limit = self._runner.capacity
        try:
            while self._accept_next(source):
                self._drop_cancelled()
                self._fill_batches()
                for runner in (self._runner, self._float32_runner):
                    if runner is not None and (batch := self._batch_of(runner)):
                        self._step(runner, batch)
                self._chunks.start([(entry.stream, entry.sequence.final_frames) for entry in self._scheduled])
                for entry in tuple(self._scheduled):
                    self._update(entry)
        except Exception as error:
            if is_device_lost(error, self._codec.device):
                # A proper release would need the device.
                self._scheduled.clear()
                self._waiting.clear()
            raise
        finally:
            for entry in tuple(self._scheduled):
                self._release(entry)
            self._float32_runner = None

    def _accept_next(self, source: TaskSource) -> bool:
        """Accept one further task if the limit allows; return whether there are any tasks.

        One between two steps: encoding a prompt takes as long as a few steps, and the whole batch waits.
        """
        while len(self._scheduled) < self._limit and (tasks := source.take(1)):
            with failing(tasks[0], self._codec.device):
                self._accept(tasks[0])
                break
        return bool(self._scheduled)

    def _accept(self, task: GenerationTask) -> None:
        task.cancel.raise_if_cancelled()
        entry = self._prepared(task)
        self._scheduled.append(entry)
        self._waiting.append(entry)

    def _prepared(self, task: GenerationTask) -> _Scheduled:
        sequence = self._make_sequence(task)
        wanted = max(1, frame_count(task.request.duration_s, self._sample_rate))
        length = min(wanted, sequence.frames * self._codec.hop)
        samples = np.empty((self._channels, length), np.float32)
        return _Scheduled(sequence, self._codec.stream(sequence.tokens), samples)

    def _drop_cancelled(self) -> None:
        for entry in tuple(self._scheduled):
            with self._isolating(entry):
                entry.task.cancel.raise_if_cancelled()

    def _fill_batches(self) -> None:
        """Move waiting sequences into the batch of their runner, first come, first served."""
        for entry in tuple(self._waiting):
            with self._isolating(entry):
                runner = self._runner_for(entry)
                if len(self._batch_of(runner)) >= min(runner.capacity, self._limit):
                    continue
                if self._was_added(entry, runner):
                    self._waiting.remove(entry)
                else:
                    return

    def _was_added(self, entry: _Scheduled, runner: ModelRunner) -> bool:
        """Add a sequence to a batch; return False if memory is short and it has to wait."""
        try:
            runner.add(entry.sequence)
        except Exception as error:
            others = len(self._batch_of(runner))
            if not is_out_of_memory(error) or not others:
                raise
            self._limit = others
        else:
            entry.runner = runner
            return True
        free_memory(self._codec.device)
        return False

    def _runner_for(self, entry: _Scheduled) -> ModelRunner:
        if not entry.needs_float32 or self._make_float32 is None:
            return self._runner
        if self._float32_runner is None:
            self._float32_runner = self._make_float32()
        return self._float32_runner

    def _batch_of(self, runner: ModelRunner) -> list[_Scheduled]:
        return [entry for entry in self._scheduled if entry.runner is runner]

    def _step(self, runner: ModelRunner, batch: Sequence[_Scheduled]) -> None:
        """Run one step of a runner."""
        not_finite: Sequence[TokenSequence] = ()
        caught: Exception | None = None
        try:
            not_finite = runner.step()
        except Exception as error:  # noqa: BLE001 - handled below, once the tensors of the step are released
            caught = error
        if caught is not None:
            self._recover(batch, caught)
        for entry in batch:
            if entry.sequence in not_finite:
                with self._isolating(entry):
                    self._retry_in_float32(entry)

    def _recover(self, batch: Sequence[_Scheduled], error: Exception) -> None:
        """Continue with a smaller batch when memory ran out; any other error ends the whole batch."""
        if is_device_lost(error, self._codec.device):
            raise error
        is_memory = is_out_of_memory(error)
        error.__traceback__ = None  # It refers to the tensors of the failed step.
        if is_memory:
            free_memory(self._codec.device)
        if is_memory and len(batch) > 1:
            self._preempt(batch[-1])
            self._limit = len(batch) - 1
        else:
            for entry in batch:
                with self._isolating(entry):
                    raise error

    def _preempt(self, entry: _Scheduled) -> None:
        """Take a sequence out of its batch and let it wait in front of the others."""
        self._leave_batch(entry)
        self._waiting.appendleft(entry)

    def _leave_batch(self, entry: _Scheduled) -> None:
        if entry.runner is not None:
            entry.runner.remove(entry.sequence)
            entry.runner = None

    def _retry_in_float32(self, entry: _Scheduled) -> None:
        """Resume a sequence in float32 from its last verified step."""
        if entry.needs_float32 or self._make_float32 is None:
            raise GenerationFailed("the language model's logits are not finite")
        logger.warning("logits are not finite: resuming in float32")
        entry.needs_float32 = True
        self._preempt(entry)

    def _update(self, entry: _Scheduled) -> None:
        """Emit the audio that is ready, report progress, and end the task when it is done."""
        with self._isolating(entry):
            sequence = entry.sequence
            if sequence.is_decoded:
                self._leave_batch(entry)
            self._emit_chunk(entry)
            tokens_done = sequence.steps_done / sequence.steps
            audio_done = entry.stream.done_frames / sequence.frames
            share = TOKENS_SHARE * tokens_done + (1 - TOKENS_SHARE) * audio_done
            if share > entry.reported:
                entry.reported = share
                entry.task.progressed(share)
            if entry.stream.is_done:
                entry.task.cancel.raise_if_cancelled()
                self._scheduled.remove(entry)
                self._limit = min(self._limit + 1, self._runner.capacity)
                material = self._pack(sequence.tokens)
                entry.task.finished(MadeWaveform(entry.samples, self._sample_rate, material))

    def _emit_chunk(self, entry: _Scheduled) -> None:
        """Hand over at most one chunk of audio."""
        # Without a step to run there is nothing else to do but wait for the chunks in flight.
        is_idle = all(each.runner is None for each in self._scheduled)
        chunk = self._chunks.take(entry.stream, entry.sequence.final_frames, waits=is_idle)
        if chunk is None:
            return
        chunk = chunk[:, : entry.samples.shape[1] - entry.samples_done]
        end = entry.samples_done + chunk.shape[1]
        entry.samples[:, entry.samples_done : end] = chunk
        entry.samples_done = end
        if chunk.shape[1]:
            entry.task.streamed(Waveform(chunk, self._sample_rate))

    @contextmanager
    def _isolating(self, entry: _Scheduled) -> Iterator[None]:
        """End this task, and no other, with an error that is raised inside."""
        with failing(entry.task, self._codec.device):
            try:
                yield
            except BaseException as error:
                if not is_device_lost(error, self._codec.device):
                    self._release(entry)
                raise

    def _release(self, entry: _Scheduled) -> None:
        self._chunks.discard(entry.stream)
        self._leave_batch(entry)
        if entry in self._waiting:
            self._waiting.remove(entry)
        if entry in self._scheduled:
            self._scheduled.remove(entry)
