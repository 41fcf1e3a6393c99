"""Captures work on a CPU, as strictly as a GPU does."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from webapp.engines.audiocraft.decoder.capture import Recorded


class TracedCapture:
    """Traces the operators of some work, and replays just these on the same tensors.

    Like a CUDA graph it bakes in every Python value and the address of every tensor.
    """

    def __init__(self, _device: torch.device | None = None) -> None:
        self.replays = 0

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        output = work()
        graph = make_fx(work)()

        def replay() -> None:
            self.replays += 1
            output.copy_(graph())

        return Recorded(replay, output.fill_(torch.nan))


@dataclass
class _WorkSpace:
    is_freed: bool = False


class FragileCapture(TracedCapture):
    """Captures in the same way, but all captures share a workspace, which is freed with the first of them.

    So do CUDA's, whose libraries keep one for the stream of the capture.
    """

    def __init__(self) -> None:
        super().__init__()
        self._work_space = _WorkSpace()

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        if self._work_space.is_freed:
            self._work_space = _WorkSpace()
        mine, recorded = self._work_space, super().__call__(work)

        def replay() -> None:
            if mine.is_freed:
                raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
            recorded.replay()

        weakref.finalize(replay, setattr, mine, "is_freed", True)
        return Recorded(replay, recorded.output)
