"""Jobs side by side: they join and leave, and each one's trouble is its own."""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from tests.engines.audiocraft.failing_backend import FussyBackend
from tests.engines.audiocraft.helpers import ignore_progress, request
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.decoder.autoregressive_runner import RowsDecoding
from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import JobMaker, decoding_of
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.scheduler import Server
from webapp.engines.audiocraft.sequence import Decoding
from webapp.engines.base import (
    CancelToken,
    EngineOutOfMemory,
    GenerationCancelled,
    GenerationFailed,
    GenerationRequest,
    GenerationTask,
    RequestNotSupported,
)
from webapp.engines.batch import BatchTask, ListedTasks

Load = Callable[[str], LoadedModel]
REQUESTS = (
    request("rain", 12.0, seed=11),
    request("a very long winding story of thunder", 3.5, seed=12),
    request("birds", 45.0, seed=13),
    request("rain", 6.0, seed=14),
)


def fussy(model: LoadedModel, jobs: int = 4, **trouble: object) -> FussyBackend:
    steps = columns_of(model.window_frames, model.delays)
    return FussyBackend(PlainBackend(model.weights, 2 * jobs, steps), **trouble)  # type: ignore[arg-type]


def server(
    model: LoadedModel, decoding: Decoding, make_exact: Callable[[], Decoding] | None = None
) -> Server:
    return Server(
        JobMaker(model, decoding).make,
        CodecDecoder(model.codec),
        model.sample_rate,
        model.channels,
        decoding=decoding,
        make_exact=make_exact,
    )


def rows_server(
    model: LoadedModel, backend: FussyBackend, exact: FussyBackend | None = None, look_every: int = 1
) -> Server:
    def rows(backend: FussyBackend) -> RowsDecoding:
        return RowsDecoding(backend, model.codebooks, model.card, model.delays, look_every=look_every)

    return server(model, rows(backend), None if exact is None else lambda: rows(exact))


def tasks_for(requests: Sequence[GenerationRequest]) -> list[BatchTask]:
    return [BatchTask(index, one, ignore_progress, CancelToken()) for index, one in enumerate(requests)]


def alone(model: LoadedModel, requests: Sequence[GenerationRequest]) -> list[np.ndarray]:
    """What each request sounds like by itself."""
    sounds = []
    for one in requests:
        (task,) = tasks_for([one])
        server(model, decoding_of(model, Precision.FLOAT32, 1)).serve(ListedTasks([task]))
        sounds.append(task.result().samples)
    return sounds


class Arriving:
    """A source whose tasks come one by one, each after so many further times that it was asked."""

    def __init__(self, tasks: Sequence[GenerationTask], every: int) -> None:
        self._waiting = deque(tasks)
        self._every = every
        self._asked = 0
        self.rooms: list[int] = []

    def take(self, room: int) -> Sequence[GenerationTask]:
        self.rooms.append(room)
        self._asked += 1
        return [self._waiting.popleft()] if self._waiting and self._asked % self._every == 1 else []


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-magnet", "tiny-stereo"])
def test_jobs_that_join_in_between_sound_as_they_do_alone(loaded: Load, name: str) -> None:
    model = loaded(name)
    tasks = tasks_for(REQUESTS)
    source = Arriving(tasks, every=7)
    server(model, decoding_of(model, Precision.FLOAT32, 2)).serve(source)
    for task, expected in zip(tasks, alone(model, REQUESTS), strict=True):
        assert np.array_equal(task.result().samples, expected)
    assert set(source.rooms) == {1}


def test_a_job_that_joins_holds_up_nobody(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    backend = fussy(model)
    rows_server(model, backend).serve(Arriving(tasks_for(REQUESTS[2:]), every=290))
    kinds = [kind for kind, _ in backend.calls]
    rewound = kinds.index("rewind")
    # The first goes on to its next window, taken in piece by piece between the other's steps.
    assert kinds[rewound : rewound + 6] == ["rewind", "rewind", "prefill", "step", "prefill", "step"]


def test_the_first_of_many_is_at_work_before_the_others_texts_are_read(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    backend = fussy(model)
    t5 = model.lm.condition_provider.conditioners["description"].t5
    hook = t5.register_forward_pre_hook(lambda *_: backend.calls.append(("text", ())))
    rows_server(model, backend).serve(ListedTasks(tasks_for(REQUESTS[:3])))
    hook.remove()
    work = [(kind, len(rows)) for kind, rows in backend.calls if kind in ("text", "step")]
    assert work[:6] == [("text", 0), ("step", 2), ("text", 0), ("step", 4), ("text", 0), ("step", 6)]


def test_sound_comes_while_tokens_are_being_decoded(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    (task,) = tasks_for([request(duration_s=40.05)])
    told: list[tuple[float, int]] = []
    task.progressed = lambda share: told.append((share, len(task.pieces)))  # type: ignore[method-assign]
    server(model, decoding_of(model, Precision.FLOAT32, 1)).serve(ListedTasks([task]))
    joined = np.concatenate([piece.samples for piece in task.pieces], axis=1)
    assert np.array_equal(joined, task.result().samples)
    assert len(task.pieces) == 5
    share_at_first_piece = next(share for share, pieces in told if pieces == 1)
    assert 0.2 < share_at_first_piece < 0.3


def test_a_batch_too_large_for_memory_becomes_smaller(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    backend, tasks = fussy(model, most_rows=4), tasks_for(REQUESTS)
    rows_server(model, backend).serve(ListedTasks(tasks))
    for task, expected in zip(tasks, alone(model, REQUESTS), strict=True):
        assert np.array_equal(task.result().samples, expected)


def test_memory_for_not_even_one_is_said(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    backend, tasks = fussy(model, most_rows=1), tasks_for(REQUESTS)
    serving = rows_server(model, backend)
    serving.serve(ListedTasks(tasks))
    for task in tasks:
        with pytest.raises(EngineOutOfMemory):
            task.result()
    backend.most_rows = 8
    (again,) = tasks_for(REQUESTS[:1])
    serving.serve(ListedTasks([again]))
    assert np.array_equal(again.result().samples, alone(model, REQUESTS[:1])[0])


@pytest.mark.parametrize(("step", "look_every"), [(0, 1), (37, 32), (330, 1)])
def test_broken_numbers_are_computed_again_exactly_from_where_they_broke(
    loaded: Load, step: int, look_every: int
) -> None:
    model = loaded("tiny-musicgen")
    backend = fussy(model, spoil=lambda row, at: row == 5 and at >= step)
    exact, tasks = fussy(model, 1), tasks_for(REQUESTS[:3])
    rows_server(model, backend, exact, look_every).serve(ListedTasks(tasks))
    for task, expected in zip(tasks, alone(model, REQUESTS[:3]), strict=True):
        assert np.array_equal(task.result().samples, expected)
    steps = sum(kind == "step" for kind, _ in exact.calls)
    # Two windows, each with three columns more than it has new frames.
    assert 0 < steps <= 45 * 10 + 2 * 3 - step + look_every


def test_broken_numbers_in_any_precision_end_that_job_alone(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    backend = fussy(model, spoil=lambda row, at: row == 2 and at == 20)
    exact, tasks = fussy(model, 1, spoil=lambda _row, _at: True), tasks_for(REQUESTS)
    serving = rows_server(model, backend, exact)
    serving.serve(ListedTasks(tasks))
    with pytest.raises(GenerationFailed, match="not finite"):
        tasks[1].result()
    expected = alone(model, REQUESTS)
    for index in (0, 2, 3):
        assert np.array_equal(tasks[index].result().samples, expected[index])


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-magnet"])
def test_one_that_is_cancelled_or_fails_leaves_the_others_alone(loaded: Load, name: str) -> None:
    model = loaded(name)
    tasks = tasks_for([*REQUESTS, request(duration_s=500.0)])

    def cancel_late(share: float) -> None:
        if share > 0.4:
            tasks[0].cancel.cancel()

    tasks[0].progressed = cancel_late  # type: ignore[method-assign]
    tasks[3].progressed = lambda share: print(share / 0)  # type: ignore[method-assign]  # noqa: T201
    server(model, decoding_of(model, Precision.FLOAT32, 3)).serve(ListedTasks(tasks))
    for index, error in ((0, GenerationCancelled), (3, GenerationFailed), (4, RequestNotSupported)):
        with pytest.raises(error):
            tasks[index].result()
    expected = alone(model, REQUESTS)
    for index in (1, 2):
        assert np.array_equal(tasks[index].result().samples, expected[index])


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] can't allocate memory: 5 bytes")]
)
def test_sound_too_long_for_memory_is_decoded_in_smaller_pieces(loaded: Load, error: Exception) -> None:
    model = loaded("tiny-musicgen")
    requests = [request(duration_s=15.0)]
    (expected,) = alone(model, requests)
    limit = 60

    def check(_module: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if inputs[0].shape[-1] > limit:
            raise error

    serving = server(model, decoding_of(model, Precision.FLOAT32, 1))
    hook = model.codec.decoder.model[3].register_forward_pre_hook(check)
    (task,) = tasks_for(requests)
    serving.serve(ListedTasks([task]))
    assert np.abs(task.result().samples - expected).max() < 1e-5
    limit = 0
    (task,) = tasks_for(requests)
    serving.serve(ListedTasks([task]))
    hook.remove()
    with pytest.raises(EngineOutOfMemory):
        task.result()


def test_prompts_are_encoded_once(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    calls: list[int] = []
    t5 = model.lm.condition_provider.conditioners["description"].t5
    hook = t5.register_forward_pre_hook(lambda *_: calls.append(1))
    server(model, decoding_of(model, Precision.FLOAT32, 2)).serve(ListedTasks(tasks_for(REQUESTS)))
    hook.remove()
    assert len(calls) == 3


class RunsOut:
    """Raises out of memory the first time that a call is made, before or after doing it."""

    def __init__(self, call: Callable[..., object], at: int, *, after: bool) -> None:
        self._call, self._at, self._after = call, at, after
        self.calls = 0

    def __call__(self, *arguments: object, **named: object) -> object:
        self.calls += 1
        if self.calls == self._at and not self._after:
            raise torch.OutOfMemoryError("CUDA out of memory")
        result = self._call(*arguments, **named)
        if self.calls == self._at:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return result


# With windows of 10 s.
SHORT = (request("rain", 12.0, seed=11), request("thunder", 3.5, seed=12), request("birds", 14.0, seed=13))


@pytest.fixture(scope="module")
def sounds_of_short(loaded: Load) -> list[np.ndarray]:
    return alone(loaded("tiny-audiogen"), SHORT)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("name", "at"), [("settle", 40), ("look", 40), ("put", 3), ("columns", 6), ("last", 20)]
)
def test_memory_that_runs_out_anywhere_in_a_step_changes_no_sound(
    loaded: Load,
    sounds_of_short: list[np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    at: int,
    after: bool,
) -> None:
    model = loaded("tiny-audiogen")
    tasks, decoding = tasks_for(SHORT), decoding_of(model, Precision.FLOAT32, 3)
    board = decoding._board  # type: ignore[attr-defined]  # noqa: SLF001
    failing = RunsOut(getattr(board, name), at, after=after)
    monkeypatch.setattr(board, name, failing)
    server(model, decoding).serve(ListedTasks(tasks))
    for task, expected in zip(tasks, sounds_of_short, strict=True):
        assert np.abs(task.result().samples - expected).max() < 1e-4
    assert failing.calls > at


@pytest.mark.parametrize(("name", "at"), [("begin", 3), ("begin", 4), ("rewind", 2), ("prefill", 1)])
def test_memory_that_runs_out_while_a_window_begins_changes_no_sound(
    loaded: Load, sounds_of_short: list[np.ndarray], monkeypatch: pytest.MonkeyPatch, name: str, at: int
) -> None:
    model = loaded("tiny-audiogen")
    tasks, backend = tasks_for(SHORT), fussy(model, 3)
    serving = rows_server(model, backend)
    failing = RunsOut(getattr(backend, name), at, after=False)
    monkeypatch.setattr(backend, name, failing)
    serving.serve(ListedTasks(tasks))
    assert failing.calls > at
    for task, expected in zip(tasks, sounds_of_short, strict=True):
        assert np.abs(task.result().samples - expected).max() < 1e-4
    released = {row for kind, rows in backend.calls if kind == "release" for row in rows}
    assert released == {row for kind, rows in backend.calls if kind == "begin" for row in rows}


def test_magnet_goes_on_when_memory_runs_out_between_two_windows(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded("tiny-magnet")
    tasks = tasks_for(SHORT[:2])
    decoding = decoding_of(model, Precision.FLOAT32, 2)
    begin = RunsOut(decoding._beginning, 3, after=True)  # type: ignore[attr-defined]  # noqa: SLF001
    monkeypatch.setattr(decoding, "_beginning", begin)
    server(model, decoding).serve(ListedTasks(tasks))
    for task, sound in zip(tasks, alone(model, SHORT[:2]), strict=True):
        assert np.array_equal(task.result().samples, sound)
    assert begin.calls > 3


def test_a_gpu_takes_in_at_once_what_a_window_begins_with(
    loaded: Load, sounds_of_short: list[np.ndarray]
) -> None:
    model = loaded("tiny-audiogen")
    backend = fussy(model, 3)
    decoding = RowsDecoding(backend, model.codebooks, model.card, model.delays, prefill_columns=backend.steps)
    tasks = tasks_for(SHORT)
    server(model, decoding).serve(ListedTasks(tasks))
    for task, expected in zip(tasks, sounds_of_short, strict=True):
        assert np.abs(task.result().samples - expected).max() < 1e-4
    kinds = [kind for kind, _ in backend.calls if kind in ("rewind", "prefill")]
    assert kinds.count("prefill") * 2 == kinds.count("rewind") > 0
