"""Losing a device, running out of memory, and computing on the device that was asked for."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.engines.audiocraft.conftest import CHECKPOINTS
from tests.engines.audiocraft.helpers import sequences_of
from tests.engines.audiocraft.test_scheduler import (
    REQUESTS,
    Load,
    RunsOut,
    alone,
    failing_backend,
    runner_scheduler,
    tasks_for,
)
from webapp.engines.audiocraft import engine
from webapp.engines.audiocraft.decoder.autoregressive_runner import AutoregressiveRunner
from webapp.engines.audiocraft.devices import (
    enter_device,
    is_device_lost,
    is_out_of_memory,
    on_device,
    resolve_device,
)
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.base import DeviceLost, EngineOptions, EngineOutOfMemory, GenerationFailed, ModelLoadError
from webapp.engines.batch import ListedTasks

CPU = torch.device("cpu")
ILLEGAL = "CUDA error: an illegal memory access was encountered"


def caused_by(cause: BaseException) -> Exception:
    try:
        raise ModelLoadError("not usable") from cause
    except ModelLoadError as error:
        return error


def out_of_memory_in_a_capture() -> Exception:
    """The way it comes out of a recording: torch's end of the capture fails as well."""
    try:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        except torch.OutOfMemoryError as lack:
            hidden = lack
            raise torch.AcceleratorError("CUDA error: operation failed due to a previous error") from None
    except torch.AcceleratorError:
        try:
            raise hidden from None
        except torch.OutOfMemoryError as error:
            return caused_by(error)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (torch.AcceleratorError(ILLEGAL), True),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), True),
        (torch.AcceleratorError("CUDA error: out of memory"), False),
        (torch.OutOfMemoryError("CUDA out of memory"), False),
        (RuntimeError("shape mismatch"), False),
        (caused_by(torch.AcceleratorError(ILLEGAL)), True),
        (caused_by(ValueError()), False),
        (out_of_memory_in_a_capture(), False),
    ],
)
def test_what_leaves_a_device_useless(error: Exception, lost: bool) -> None:
    assert is_device_lost(error, CPU) is lost


@pytest.mark.parametrize(
    "text", ["cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"]
)
@pytest.mark.parametrize("works", [True, False])
def test_a_library_s_error_is_a_loss_where_nothing_works_any_more(
    monkeypatch: pytest.MonkeyPatch, text: str, works: bool
) -> None:
    def zeros(*_: object, **_named: object) -> torch.Tensor:
        if works:
            return torch.ones(1)
        raise torch.AcceleratorError(ILLEGAL)

    monkeypatch.setattr(torch, "zeros", zeros)
    assert is_device_lost(RuntimeError(text), torch.device("cuda:1")) is not works


@pytest.mark.parametrize("status", ["CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"])
def test_a_library_that_gets_no_memory_ran_out_of_it(status: str) -> None:
    assert is_out_of_memory(RuntimeError(f"CUDA error: {status} when calling `cublasCreate(handle)`"))


@pytest.mark.parametrize("where", ["step", "begin", "release", "sound"])
def test_a_lost_device_ends_the_scheduler_and_no_task(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """From the moment of the loss whatever touches the device raises the same, as on a GPU."""
    model = loaded("tiny-musicgen")
    backend = failing_backend(model)
    scheduler = runner_scheduler(model, backend)

    def lost(*_: object) -> None:
        for name in ("begin", "step", "prefill", "release", "rewind"):
            monkeypatch.setattr(backend, name, lost)
        raise torch.AcceleratorError(ILLEGAL)

    if where == "sound":
        monkeypatch.setattr("webapp.engines.audiocraft.codec.waveform_stream.WaveformStream.next_chunk", lost)
    else:
        monkeypatch.setattr(backend, where, lost)
    ended: list[object] = []
    tasks = tasks_for(REQUESTS[1:3])
    for task in tasks:
        monkeypatch.setattr(task, "finished", ended.append)
        monkeypatch.setattr(task, "failed", ended.append)
    with pytest.raises(torch.AcceleratorError):
        scheduler.serve(ListedTasks(tasks))
    assert ended == []


@pytest.mark.parametrize("at", [1, 2])
def test_a_sequence_that_cannot_be_added_leaves_no_row_behind(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    model = loaded("tiny-musicgen")
    backend = failing_backend(model, 1)
    runner = AutoregressiveRunner(backend, model.codebooks, model.card, model.delays)
    (sequence,) = sequences_of(model, runner, REQUESTS[0])
    monkeypatch.setattr(backend, "begin", RunsOut(backend.begin, at, after=False))
    with pytest.raises(torch.OutOfMemoryError):
        runner.add(sequence)
    assert {row for kind, rows in backend.calls if kind == "release" for row in rows} == {0, 1}


def test_an_error_that_loses_no_device_fails_the_batch(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    backend = failing_backend(model)
    scheduler = runner_scheduler(model, backend)
    backend.step = lambda *_: (_ for _ in ()).throw(RuntimeError("bad luck"))  # type: ignore[method-assign]
    (task,) = tasks_for(REQUESTS[:1])
    scheduler.serve(ListedTasks([task]))
    with pytest.raises(GenerationFailed):
        task.result()
    del backend.step
    (task,) = tasks_for(REQUESTS[:1])
    scheduler.serve(ListedTasks([task]))
    assert np.array_equal(task.result().samples, alone(model, REQUESTS[:1])[0])


@pytest.fixture
def on_second_gpu(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AudioCraftEngine:
    """An engine that believes to be on `cuda:1`."""
    monkeypatch.setattr(engine, "resolve_device", torch.device)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    return AudioCraftEngine(EngineOptions(models_dir, CHECKPOINTS, device="cuda:1"))


@pytest.fixture
def as_torch_begins() -> Iterator[None]:
    """Torch's own choices between speed and exactness, whatever a test makes of them."""
    matmul = torch.backends.cuda.matmul
    torch.backends.cudnn.allow_tf32 = True
    matmul.allow_fp16_reduced_precision_reduction = matmul.allow_bf16_reduced_precision_reduction = True
    yield
    torch.backends.cudnn.allow_tf32 = True
    matmul.allow_fp16_reduced_precision_reduction = matmul.allow_bf16_reduced_precision_reduction = True


@pytest.mark.usefixtures("as_torch_begins")
def test_the_thread_that_loads_computes_on_the_engine_s_device(
    on_second_gpu: AudioCraftEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device is a thread's own, and the engine was made by another thread than the one that uses it."""
    entered: list[tuple[int, torch.device]] = []
    monkeypatch.setattr(
        torch.cuda, "set_device", lambda device: entered.append((threading.get_ident(), device))
    )

    def load(*_: object, **_named: object) -> None:
        assert entered
        assert entered[-1] == (threading.get_ident(), torch.device("cuda:1"))
        raise ModelLoadError("far enough")

    monkeypatch.setattr(engine, "load_model", load)
    errors: list[Exception] = []

    def use() -> None:
        for is_served in (False, True):
            try:
                if is_served:
                    on_second_gpu.serve("music", ListedTasks([]))
                else:
                    on_second_gpu.load("music")
            except ModelLoadError as error:
                errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(errors) == 2
    assert torch.backends.cudnn.allow_tf32 is False
    assert torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction is False
    assert torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction is False


@pytest.mark.parametrize(("name", "number"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
@pytest.mark.usefixtures("as_torch_begins")
def test_every_name_of_a_gpu_can_be_entered(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Torch makes tensors on `cuda`, whichever that is, but enters only a device with a number."""

    def empty(*_: object, device: torch.device) -> SimpleNamespace:
        return SimpleNamespace(device=torch.device(device.type, device.index or 0))

    entered: list[int] = []
    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(torch._C, "_cuda_setDevice", entered.append, raising=False)  # noqa: SLF001
    device = resolve_device(name)
    enter_device(device)
    assert (str(device), entered) == (f"cuda:{number}", [number])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (caused_by(torch.AcceleratorError(ILLEGAL)), DeviceLost),
        (torch.AcceleratorError(ILLEGAL), DeviceLost),
        (torch.OutOfMemoryError("CUDA out of memory"), EngineOutOfMemory),
        (ModelLoadError("damaged"), ModelLoadError),
    ],
)
def test_a_load_reports_a_lost_device(
    on_second_gpu: AudioCraftEngine,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: type[Exception],
) -> None:
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)

    def load(*_: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr(engine, "load_model", load)
    with pytest.raises(expected):
        on_second_gpu.load("music")


def test_numbers_go_to_a_device_in_the_form_that_torch_would_give_them() -> None:
    for numbers in ([1, 2], [0.5, 2.0], [True, False]):
        assert torch.equal(on_device(numbers, CPU), torch.tensor(numbers))
        assert on_device(numbers, CPU).dtype == torch.tensor(numbers).dtype
    assert on_device([1, 0], CPU, torch.float32).dtype == torch.float32
