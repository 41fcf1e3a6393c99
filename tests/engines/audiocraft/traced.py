"""Recording work on a processor, as strictly as a GPU does it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from webapp.engines.audiocraft.decoder.capture import Recorded


class TracedCapture:
    """Records the operators of some work, and repeats just these on the same tensors.

    Like a CUDA graph it bakes in every Python value and the place of every tensor: what was forgotten to be
    put into a tensor stays what it was.
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
