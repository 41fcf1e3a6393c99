"""Captured steps stay valid on a GPU, and steps run eagerly where a capture fails."""

import gc
import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.fake_cuda import FakeCapture, FakeCuda, FakeStream, fake_cuda
from tests.engines.audiocraft.test_backends import (
    Load,
    audiocraft_logits,
    begin,
    relative_error,
    some_columns,
)
from tests.engines.audiocraft.traced import TracedCapture
from webapp.engines.audiocraft.codec.background_decoder import CudaSideStream
from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.decoder.capture import Capture, CudaCapture, Recorded, Recorder
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend

__all__ = ["fake_cuda"]
SECOND = torch.device("cuda:1")


@pytest.fixture
def state() -> Tensor:
    return torch.tensor([1.0, 2.0])


def test_a_graph_is_of_the_device_where_the_tensors_are(fake_cuda: FakeCuda, state: Tensor) -> None:
    """Captured on another device it would be empty, and repeat the same numbers for ever."""
    recorded = CudaCapture(SECOND)(lambda: fake_cuda.kernel(lambda: 2 * state))
    for number in range(3):
        state.fill_(number)
        recorded.replay()
        assert recorded.output.tolist() == [2.0 * number] * 2
    assert fake_cuda.device == 0


def test_graphs_of_one_model_outlive_those_of_another(fake_cuda: FakeCuda, state: Tensor) -> None:
    def work() -> Tensor:
        return fake_cuda.kernel(lambda: 2 * state)

    ours, theirs = CudaCapture(SECOND), CudaCapture(SECOND)
    gone, kept = theirs(work), ours(work)
    del gone, theirs
    gc.collect()
    kept.replay()
    again = ours(work)
    again.replay()
    assert kept.output.tolist() == again.output.tolist() == [2.0, 4.0]


def test_no_graph_of_a_model_is_freed_before_the_others(fake_cuda: FakeCuda, state: Tensor) -> None:
    """Neither a slower one nor a failed one: it would free the workspace of the others."""

    def work() -> Tensor:
        return fake_cuda.kernel(lambda: 2 * state)

    record = Recorder(CudaCapture(SECOND))
    kept, slower = record(work), record(work)
    del slower
    gc.collect()
    kept.replay()
    fake_cuda.end_error = RuntimeError("operation not permitted when stream is capturing")
    record(work)
    fake_cuda.end_error = None
    gc.collect()
    kept.replay()
    assert kept.output.tolist() == [2.0, 4.0]


def test_a_stream_stays_with_its_graphs_after_the_last_capture(fake_cuda: FakeCuda, state: Tensor) -> None:
    def work() -> Tensor:
        return fake_cuda.kernel(lambda: 2 * state)

    record = Recorder(CudaCapture(SECOND))
    kept = record(work)
    fake_cuda.end_error = RuntimeError("operation not permitted when stream is capturing")
    record(work)
    fake_cuda.end_error = None
    other = Recorder(CudaCapture(SECOND))
    gone = other(work)
    del gone, other
    gc.collect()
    kept.replay()
    assert kept.output.tolist() == [2.0, 4.0]


def test_streams_are_few(fake_cuda: FakeCuda, state: Tensor) -> None:
    """Each costs a workspace for good, and torch soon returns the same stream again to others."""
    before = FakeStream.made
    for _ in range(5):
        capture, side = CudaCapture(SECOND), CudaSideStream(SECOND)
        for _ in range(4):
            capture(lambda: fake_cuda.kernel(lambda: 2 * state))
        del capture, side
        gc.collect()
    assert FakeStream.made == before + 2
    assert FakeCapture.default_capture_stream is None


@pytest.mark.parametrize("where", ["capture_error", "end_error"])
def test_a_capture_that_fails_restores_the_stream_and_runs_eagerly(
    fake_cuda: FakeCuda, state: Tensor, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    stream = fake_cuda.current_stream(SECOND)
    setattr(fake_cuda, where, RuntimeError("operation not permitted when stream is capturing"))
    record = Recorder(CudaCapture(SECOND))
    for number in range(1, 4):
        recorded = record(lambda: fake_cuda.kernel(lambda: 2 * state))
        state.fill_(number)
        recorded.replay()
        assert recorded.output.tolist() == [2.0 * number] * 2
    assert fake_cuda.current_stream(SECOND) is stream
    assert len([message for message in caplog.messages if "not captured" in message]) == 1


def test_memory_that_runs_out_in_a_capture_is_reported_as_such(fake_cuda: FakeCuda, state: Tensor) -> None:
    """Torch ends the capture, which fails in turn and hides the cause."""
    fake_cuda.capture_error = torch.OutOfMemoryError("CUDA out of memory")
    fake_cuda.end_error = torch.AcceleratorError("CUDA error: operation failed due to a previous error")
    stream, record = fake_cuda.current_stream(SECOND), Recorder(CudaCapture(SECOND))
    with pytest.raises(torch.OutOfMemoryError):
        record(lambda: fake_cuda.kernel(lambda: 2 * state))
    assert fake_cuda.current_stream(SECOND) is stream
    fake_cuda.capture_error = fake_cuda.end_error = None
    recorded = record(lambda: fake_cuda.kernel(lambda: 2 * state))
    state.fill_(7)
    recorded.replay()
    assert recorded.output.tolist() == [14.0, 14.0]


def failing(_work: Callable[[], Tensor]) -> Recorded:
    raise torch.AcceleratorError("CUDA error: operation not permitted")


def empty(work: Callable[[], Tensor]) -> Recorded:
    """Keeps what the capture's run left."""
    return Recorded(lambda: None, work())


def wrong(work: Callable[[], Tensor]) -> Recorded:
    output = work()
    return Recorded(lambda: output.copy_(work() * 1.01), output)


@pytest.mark.parametrize("capture", [failing, empty, wrong])
def test_logits_are_correct_whether_or_not_a_capture_succeeds(
    loaded: Load, caplog: pytest.LogCaptureFixture, capture: Capture
) -> None:
    model = loaded("tiny-musicgen")
    backend = GraphBackend(model.weights, 2, 304, dtype=torch.float32, capture=capture)
    columns = some_columns(model, 8)
    expected = audiocraft_logits(model, "rain", columns)
    begin(backend, (0, 1), PromptEncoder(model).encode("rain"))
    with caplog.at_level(logging.WARNING):
        for step in range(8):
            logits = backend.step((0, 1), columns[:, step].expand(2, -1))
            assert relative_error(logits, expected[step]) < 1e-4
    assert len([message for message in caplog.messages if "not captured" in message]) == 1


def test_a_capture_is_judged_by_finite_numbers(loaded: Load) -> None:
    broken = torch.tensor([torch.nan, 1.0, torch.inf])
    capture = TracedCapture()
    recorded = Recorder(capture)(lambda: broken * 1)
    recorded.replay()
    assert capture.replays == 2
    assert recorded.output.tolist()[1:] == [1.0, torch.inf]
