"""Pieces of several sounds are made together beside the steps, and sound as they do alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engines.audiocraft.helpers import request
from tests.engines.audiocraft.test_scheduler import alone, tasks_for
from webapp.engines.audiocraft.codec.backends import TorchBody
from webapp.engines.audiocraft.codec.background_decoder import CodecTurn, Fetched
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import JobMaker, decoding_of
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.scheduler import Server
from webapp.engines.base import GenerationCancelled
from webapp.engines.batch import BatchTask, ListedTasks

Load = Callable[[str], LoadedModel]
REQUESTS = tuple(request(text, 14.0, seed=seed) for seed, text in enumerate(("rain", "birds", "thunder")))


class Slow:
    """Numbers that are there only the third time that they are asked for, or when they are waited for."""

    def __init__(self, numbers: Tensor) -> None:
        self._numbers = numbers
        self._asked = 0

    @property
    def is_there(self) -> bool:
        self._asked += 1
        return self._asked > 2

    def wait(self) -> Tensor:
        return self._numbers


class SlowSide:
    """In place of a GPU's stream: what is made there takes its time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    @contextmanager
    def inside(self) -> Iterator[None]:
        yield

    def fetch(self, numbers: Tensor) -> Fetched:
        self.sizes.append(len(numbers))
        return Slow(numbers)


def served(model: LoadedModel, tasks: list[BatchTask], codec: CodecDecoder) -> SlowSide:
    side = SlowSide()
    decoding = decoding_of(model, Precision.FLOAT32, 3)
    # As on a GPU, where frames become final for all jobs at once.
    decoding._look_every = 32  # type: ignore[attr-defined]  # noqa: SLF001
    make = JobMaker(model, decoding).make
    turn = CodecTurn(codec, side)
    server = Server(
        make, codec, model.sample_rate, model.channels, decoding=decoding, make_exact=None, turn=turn
    )
    server.serve(ListedTasks(tasks))
    return side


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
def test_sounds_are_what_they_are_alone(loaded: Load, name: str) -> None:
    model, tasks = loaded(name), tasks_for(REQUESTS)
    side = served(model, tasks, CodecDecoder(model.codec))
    for task, expected in zip(tasks, alone(model, REQUESTS), strict=True):
        sound = task.result().samples
        assert np.abs(sound - expected).max() < 1e-5
        assert np.array_equal(np.concatenate([piece.samples for piece in task.pieces], axis=1), sound)
    assert max(side.sizes) == 3 * model.channels


def test_one_that_is_cancelled_leaves_the_others_alone(loaded: Load) -> None:
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


class Broken(TorchBody):
    """A quicker body whose sound becomes numbers that are none, once it has been found good."""

    def __init__(self, lstm: nn.LSTM | None, tail: nn.Sequential) -> None:
        super().__init__(lstm, tail)
        self._calls = 0

    def tail(self, hidden: Tensor) -> Tensor:
        self._calls += 1
        sound = super().tail(hidden)
        return sound if self._calls < 3 else sound * torch.nan


def test_broken_sound_is_made_again_exactly(loaded: Load) -> None:
    model, tasks = loaded("tiny-musicgen"), tasks_for(REQUESTS[:2])
    served(model, tasks, CodecDecoder(model.codec, quicker=[Broken]))
    for task, expected in zip(tasks, alone(model, REQUESTS[:2]), strict=True):
        assert np.abs(task.result().samples - expected).max() < 1e-5


def test_memory_that_runs_out_for_many_pieces_is_enough_for_one(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tasks = loaded("tiny-musicgen"), tasks_for(REQUESTS)
    codec = CodecDecoder(model.codec)
    make = codec.made_of

    def made_of(parts: list[object]) -> object:
        if len(parts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return make(parts)  # type: ignore[arg-type]

    monkeypatch.setattr(codec, "made_of", made_of)
    served(model, tasks, codec)
    for task, expected in zip(tasks, alone(model, REQUESTS), strict=True):
        assert np.abs(task.result().samples - expected).max() < 1e-5
