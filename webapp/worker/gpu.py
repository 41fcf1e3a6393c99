"""True figures of the GPU that a worker computes on, by NVIDIA's management library."""

import importlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

logger = logging.getLogger(__name__)

BYTES_PER_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """A GPU's name, memory and load now; memory in bytes, of all its users together."""

    name: str
    memory_used_bytes: int
    memory_total_bytes: int
    busy: bool

    def entry(self) -> dict[str, Any]:
        """The figures as the service's status has them."""
        return {
            "available": True,
            "name": self.name,
            "memory_used_gb": round(self.memory_used_bytes / BYTES_PER_GB, 1),
            "memory_total_gb": round(self.memory_total_bytes / BYTES_PER_GB, 1),
            "memory_percent": round(100 * self.memory_used_bytes / max(1, self.memory_total_bytes), 1),
            "busy": self.busy,
        }


def count_devices_like_nvml() -> None:
    """Have CUDA number devices as NVML does; to be called before torch is imported."""
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")


class _Memory(Protocol):
    used: int
    total: int


class _Utilisation(Protocol):
    gpu: int


class Nvml(Protocol):
    """The functions used from the management library."""

    def nvmlInit(self) -> object: ...  # noqa: N802 - its own names
    def nvmlDeviceGetHandleByIndex(self, index: int) -> object: ...  # noqa: N802
    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object: ...  # noqa: N802
    def nvmlDeviceGetName(self, handle: object) -> str | bytes: ...  # noqa: N802
    def nvmlDeviceGetMemoryInfo(self, handle: object) -> _Memory: ...  # noqa: N802
    def nvmlDeviceGetUtilizationRates(self, handle: object) -> _Utilisation: ...  # noqa: N802


def _library() -> Nvml:
    return cast(Nvml, importlib.import_module("pynvml"))


class GpuMeter:
    """Reads the figures of one GPU; of none where there is no NVIDIA GPU, driver or library."""

    def __init__(self, device: str, library: Callable[[], Nvml] = _library) -> None:
        """`device` in torch's words; on `cpu` the first GPU that this process may see is meant."""
        self._ordinal = int(device.partition(":")[2] or 0) if device.startswith("cuda") else 0
        self._found: tuple[Nvml, object] | None = None
        try:
            nvml = library()
            nvml.nvmlInit()
            self._found = nvml, self._find(nvml)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a driver is no reason not to work
            logger.debug("no GPU figures", extra={"reason": str(error)})

    def read(self) -> GpuFigures | None:
        """The figures now; None without a GPU, or when it does not answer."""
        if self._found is None:
            return None
        nvml, handle = self._found
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            name = nvml.nvmlDeviceGetName(handle)
        except Exception:
            logger.debug("the GPU does not answer", exc_info=True)
            return None
        name = name.decode() if isinstance(name, bytes) else str(name)
        return GpuFigures(name, int(memory.used), int(memory.total), busy=_is_busy(nvml, handle))

    def _find(self, nvml: Nvml) -> object:
        """The handle of the device, among those that CUDA_VISIBLE_DEVICES leaves."""
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            return nvml.nvmlDeviceGetHandleByIndex(self._ordinal)
        chosen = [part.strip() for part in visible.split(",") if part.strip()][self._ordinal]
        if chosen.isdigit():
            return nvml.nvmlDeviceGetHandleByIndex(int(chosen))
        return nvml.nvmlDeviceGetHandleByUUID(chosen)


def _is_busy(nvml: Nvml, handle: object) -> bool:
    try:
        return nvml.nvmlDeviceGetUtilizationRates(handle).gpu > 0
    except Exception:  # noqa: BLE001 - parts of a divided GPU have no such figure
        return False
