"""Measures how fast memory can be read here: the bound of anything that reads all weights at every step."""

import mmap
import time

import torch

BYTES = 1 << 29
ROUNDS = 5


class Bandwidth:
    """Two arrays that no cache holds, and how fast they can be gone through."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._first, self._second = (_array(device).fill_(1.0) for _ in range(2))

    def bytes_per_s(self) -> float:
        """The best of some passes over both, by all threads or the whole GPU: read, and copied."""
        read, copied = (min(self._pass_s(is_copy) for _ in range(ROUNDS)) for is_copy in (False, True))
        return 2 * BYTES / min(read, copied)

    def _pass_s(self, is_copy: bool) -> float:
        self._wait()
        began = time.perf_counter()
        if is_copy:
            self._second.copy_(self._first)
        else:
            torch.dot(self._first, self._second)
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        if self._device.startswith("cuda"):
            torch.cuda.synchronize()


def _array(device: str) -> torch.Tensor:
    if device.startswith("cuda"):
        return torch.empty(BYTES // 4, device=device)
    memory = mmap.mmap(-1, BYTES)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        # As our weights are: small pages would make memory look slower than it is.
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=torch.float32)
