"""Work that is recorded once and then repeated on the device as a whole.

A decoding step is some hundreds of small kernels, and telling a GPU about each takes longer than the kernel.
A captured graph is told once. What it reads and writes is fixed when it is recorded: tensors are, values in
Python are not looked at again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

WARM_UPS = 3


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded work: `replay` does it again, into `output`."""

    replay: Callable[[], object]
    output: Tensor


class Capture(Protocol):
    """A way to record work."""

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        """Record `work`, which may be run any number of times for it. Its output counts after a replay.

        Raises torch's out of memory.
        """
        ...


class CudaCapture:
    """Records CUDA graphs, all in one pool of memory: only one of them is at work at a time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        # Libraries choose kernels and take work space on the first runs, which must not be recorded.
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            output = work()
        return Recorded(graph.replay, output)
