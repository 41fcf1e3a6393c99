"""A worker's report: its models, its device, and the GPU's figures."""

from typing import Any

from webapp import __version__
from webapp.engines.memory import HostMemory
from webapp.worker.engine_set import BYTES_PER_MB, EngineSet
from webapp.worker.gpu import GpuMeter

MAX_DEVICE_LENGTH = 64


class WorkerReport:
    """The report as of now; the GPU's figures are those of the last reading."""

    def __init__(self, engines: EngineSet) -> None:
        self._engines = engines
        self._meter: tuple[str, GpuMeter] | None = None
        self._gpu: dict[str, Any] | None = None
        self._memory_bytes = HostMemory().total_bytes() or 0

    def read_gpu(self) -> None:
        """Read the GPU's figures, if there is one; takes a while the first time."""
        device = self._engines.device
        if self._meter is None or self._meter[0] != device:
            self._meter = device, GpuMeter(device)
        figures = self._meter[1].read()
        self._gpu = figures.entry() if figures else None

    def __call__(self) -> dict[str, Any]:
        """Return what the worker can do.

        Models by name, `makes`, `checkpoints`, `device` for people, `gpu` where there is one, `memory_mb` of
        whatever holds the models, and `version`.
        """
        report, device = self._engines.report(), self._engines.device
        memory_mb = self._memory_bytes // BYTES_PER_MB
        if self._gpu is not None:
            report["gpu"] = self._gpu
            if device.startswith("cuda"):
                device = f"{device} {self._gpu['name']}"[:MAX_DEVICE_LENGTH]
                memory_mb = round(self._gpu["memory_total_gb"] * 1000)
        return report | {"device": device, "memory_mb": memory_mb, "version": __version__}
