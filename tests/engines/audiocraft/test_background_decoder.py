"""Chunks of several waveforms are decoded in one batch beside the steps, and sound as they do alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engines.audiocraft.helpers import request
from tests.engines.audiocraft.test_scheduler import alone, tasks_for
from webapp.engines.audiocraft.codec.backends import TorchCodecBackend
from webapp.engines.audiocraft.codec.background_decoder import BackgroundDecoder, HostCopy
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import SequenceFactory, build_runner
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.scheduler import Scheduler
from webapp.engines.base import GenerationCancelled
from webapp.engines.batch import BatchTask, ListedTasks

Load = Callable[[str], LoadedModel]
REQUESTS = tuple(request(text, 14.0, seed=seed) for seed, text in enumerate(("rain", "birds", "thunder")))


class SlowCopy:
    """A copy that is complete at the third query, or when it is waited for."""

    def __init__(self, numbers: Tensor) -> None:
        self._numbers = numbers
        self._asked = 0

    @property
    def is_complete(self) -> bool:
        self._asked += 1
        return self._asked > 2

    def wait(self) -> Tensor:
        return self._numbers


class SlowSideStream:
    """Replaces a CUDA stream: its copies take time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        yield

    def copy_to_host(self, numbers: Tensor) -> HostCopy:
        self.sizes.append(len(numbers))
        return SlowCopy(numbers)


def served(model: LoadedModel, tasks: list[BatchTask], codec: CodecDecoder) -> SlowSideStream:
    side = SlowSideStream()
    runner = build_runner(model, Precision.FLOAT32, 3)
    # As on a GPU, where frames are committed for all sequences at once.
    runner._check_every = 32  # type: ignore[attr-defined]  # noqa: SLF001
    make = SequenceFactory(model, runner).make
    background = BackgroundDecoder(codec, side)
    scheduler = Scheduler(
        make,
        codec,
        model.sample_rate,
        model.channels,
        runner=runner,
        make_float32=None,
        background=background,
    )
    scheduler.serve(ListedTasks(tasks))
    return side


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
def test_sounds_are_those_of_single_tasks(loaded: Load, name: str) -> None:
    model, tasks = loaded(name), tasks_for(REQUESTS)
    side = served(model, tasks, CodecDecoder(model.codec))
    for task, expected in zip(tasks, alone(model, REQUESTS), strict=True):
        sound = task.result().samples
        assert np.abs(sound - expected).max() < 1e-5
        assert np.array_equal(np.concatenate([chunk.samples for chunk in task.chunks], axis=1), sound)
    assert max(side.sizes) == 3 * model.channels


def test_a_task_that_is_cancelled_does_not_affect_the_others(loaded: Load) -> None:
    model, tasks = loaded("tiny-musicgen"), tasks_for(REQUESTS)

    def cancel(share: float) -> None:
        if share > 0.7:
            tasks[1].cancel.cancel()

    tasks[1].progressed = cancel  # type: ignore[method-assign]
    served(model, tasks, CodecDecoder(model.codec))
    with pytest.raises(GenerationCancelled):
        tasks[1].result()
    expected = alone(model, REQUESTS)
    for index in (0, 2):
        assert np.abs(tasks[index].result().samples - expected[index]).max() < 1e-5


class Broken(TorchCodecBackend):
    """A faster backend whose samples become NaN after it was found accurate."""

    def __init__(self, lstm: nn.LSTM | None, tail: nn.Sequential) -> None:
        super().__init__(lstm, tail)
        self._calls = 0

    def tail(self, hidden: Tensor) -> Tensor:
        self._calls += 1
        sound = super().tail(hidden)
        return sound if self._calls < 3 else sound * torch.nan


def test_samples_that_are_not_finite_are_decoded_again_in_float32(loaded: Load) -> None:
    model, tasks = loaded("tiny-musicgen"), tasks_for(REQUESTS[:2])
    served(model, tasks, CodecDecoder(model.codec, faster=[Broken]))
    for task, expected in zip(tasks, alone(model, REQUESTS[:2]), strict=True):
        assert np.abs(task.result().samples - expected).max() < 1e-5


def test_chunks_are_decoded_one_by_one_when_memory_runs_out(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tasks = loaded("tiny-musicgen"), tasks_for(REQUESTS)
    codec = CodecDecoder(model.codec)
    make = codec.decode_chunks

    def decode_chunks(parts: list[object]) -> object:
        if len(parts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return make(parts)  # type: ignore[arg-type]

    monkeypatch.setattr(codec, "decode_chunks", decode_chunks)
    served(model, tasks, codec)
    for task, expected in zip(tasks, alone(model, REQUESTS), strict=True):
        assert np.abs(task.result().samples - expected).max() < 1e-5
