"""Measures the memory that the host has left for models."""

import ctypes
from pathlib import Path


def trim_heap() -> None:
    """Return freed memory from the C library to the system, where the library supports it.

    It keeps blocks of the size of a layer's weights: otherwise an unloaded model would still count.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class HostMemory:
    """Measures the available memory of the host, or of a container within its limit.

    Linux has both in files; elsewhere it is unknown, and models are kept until loading one fails.
    """

    def __init__(
        self, meminfo: Path = Path("/proc/meminfo"), control_group: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._meminfo = meminfo
        self._control_group = control_group

    def available_bytes(self) -> int | None:
        """Return the bytes available without swapping; None if unknown."""
        known = [value for value in (self._of_host(), self._of_container()) if value is not None]
        return min(known, default=None)

    def total_bytes(self) -> int | None:
        """Return the memory of this host, or of its container where that is less; None if unknown."""
        known = [value for value in (self._of_host("MemTotal:"), self._limit()) if value is not None]
        return min(known, default=None)

    def _of_host(self, word: str = "MemAvailable:") -> int | None:
        try:
            lines = self._meminfo.read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        sizes_kb = (line.split()[1] for line in lines if line.startswith(word))
        return next((int(size_kb) * 1024 for size_kb in sizes_kb), None)

    def _limit(self) -> int | None:
        try:
            limit = (self._control_group / "memory.max").read_text(encoding="ascii").strip()
        except OSError:
            return None
        return int(limit) if limit.isdigit() else None

    def _of_container(self) -> int | None:
        try:
            limit = (self._control_group / "memory.max").read_text(encoding="ascii").strip()
            used = (self._control_group / "memory.current").read_text(encoding="ascii").strip()
        except OSError:
            return None
        return int(limit) - int(used) if limit.isdigit() else None
