"""The GPU's figures are its own, and a machine without one is no trouble."""

from dataclasses import dataclass, field

import pytest

from webapp.services.workers.status import NO_GPU
from webapp.worker.gpu import GpuMeter, Nvml


@dataclass
class Memory:
    used: int = 12_345_000_000
    total: int = 80_000_000_000


@dataclass
class Utilisation:
    gpu: int = 37


@dataclass
class FakeNvml:
    """Stands for the management library: two GPUs, and whatever goes wrong."""

    broken: set[str] = field(default_factory=set)

    def _check(self, name: str) -> None:
        if name in self.broken:
            raise RuntimeError(f"{name} failed")

    def nvmlInit(self) -> None:  # noqa: N802 - the library's own names
        self._check("init")

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:  # noqa: N802
        return ("GPU A", "GPU B")[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object:  # noqa: N802
        return f"GPU of {uuid}"

    def nvmlDeviceGetName(self, handle: object) -> str:  # noqa: N802
        return str(handle)

    def nvmlDeviceGetMemoryInfo(self, handle: object) -> Memory:  # noqa: N802
        self._check("memory")
        return Memory()

    def nvmlDeviceGetUtilizationRates(self, handle: object) -> Utilisation:  # noqa: N802
        self._check("utilisation")
        return Utilisation()


def name(device: str, monkeypatch: pytest.MonkeyPatch, visible: str | None) -> str | None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    figures = GpuMeter(device, FakeNvml).read()
    return figures.name if figures else None


def test_figures_have_the_keys_of_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    figures = GpuMeter("cuda:0", FakeNvml).read()
    assert figures is not None
    assert figures.entry() == {
        "available": True,
        "name": "GPU A",
        "memory_used_gb": 12.3,
        "memory_total_gb": 80.0,
        "memory_percent": 15.4,
        "busy": True,
    }
    assert figures.entry().keys() == NO_GPU.keys()


@pytest.mark.parametrize(
    ("device", "visible", "expected"),
    [
        ("cuda:1", None, "GPU B"),
        ("cuda", None, "GPU A"),
        ("cuda:0", "1,0", "GPU B"),
        ("cuda:1", "GPU-7f, GPU-9a", "GPU of GPU-9a"),
        ("cpu", "1", "GPU B"),
        ("cuda:0", "", None),
    ],
)
def test_it_is_the_gpu_that_torch_computes_on(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, expected: str | None
) -> None:
    assert name(device, monkeypatch, visible) == expected


def test_without_library_driver_or_answer_there_are_no_figures() -> None:
    def missing() -> Nvml:
        raise ModuleNotFoundError("pynvml")

    assert GpuMeter("cuda:0", missing).read() is None
    assert GpuMeter("cuda:0", lambda: FakeNvml({"init"})).read() is None
    assert GpuMeter("cuda:0", lambda: FakeNvml({"memory"})).read() is None
    figures = GpuMeter("cuda:0", lambda: FakeNvml({"utilisation"})).read()
    assert figures is not None
    assert not figures.busy
