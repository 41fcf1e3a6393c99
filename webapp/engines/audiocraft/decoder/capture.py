"""Work that is recorded once and then repeated on the device as a whole.

A decoding step is some hundreds of small kernels, and telling a GPU about each takes longer than the kernel.
A captured graph is told once. What it reads and writes is fixed when it is recorded: tensors are, values in
Python are not looked at again.
"""

import logging
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor

from webapp.engines.audiocraft.devices import is_out_of_memory

logger = logging.getLogger(__name__)

WARM_UPS = 3
EMPTY_GRAPH: Final = "The CUDA Graph is empty"
"""How torch begins its warning that nothing was recorded."""
LARGEST_ERROR: Final = 1e-3
"""How far a replay may be from the same work done as it comes, relative to its size."""


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
    """Records CUDA graphs, all in one pool of memory: only one of them is at work at a time.

    It has a stream of its own, for the runs before a capture and for the capture. Libraries keep work space
    for each stream, which graphs go on using: on a stream that another model's graphs were captured on, it
    would be freed with those. For the same reason none of its own graphs may go alone.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._failed: list[torch.cuda.CUDAGraph] = []
        with torch.cuda.device(device):
            self._pool = torch.cuda.graph_pool_handle()
            self._stream = taken_stream(self, device)

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        with torch.cuda.device(self._device), _same_stream_after(self._device), warnings.catch_warnings():
            warnings.filterwarnings("error", message=EMPTY_GRAPH)
            self._warm_up(work)
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                    output = work()
            except BaseException:
                self._failed.append(graph)
                raise
        return Recorded(graph.replay, output)

    def _warm_up(self, work: Callable[[], Tensor]) -> None:
        """Let libraries choose kernels and take work space, which must not be recorded."""
        before = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(before)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                work()
        before.wait_stream(self._stream)


class Recorder:
    """Records work as long as recordings prove right, and after that does it as it comes, for good.

    It keeps every recording until all are forgotten: one that went alone could take from the others what they
    use (see :class:`CudaCapture`).
    """

    def __init__(self, capture: Capture) -> None:
        self._capture, self._is_used = capture, True
        self._kept: list[Recorded] = []

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        """Recorded work whose replay does what `work` does. Raises torch's out of memory."""
        if self._is_used:
            recorded, trouble = self._tried(work)
            if recorded is not None:
                return recorded
            self._is_used = False
            logger.warning("steps are not recorded, which makes them slower: %s", trouble)
        return _as_it_comes(work)

    def forget(self) -> None:
        """Let go of all recordings, none of which is replayed any more."""
        self._kept.clear()

    def _tried(self, work: Callable[[], Tensor]) -> tuple[Recorded | None, str]:
        """Recorded work that proved right, or why there is none. Raises torch's out of memory."""
        try:
            recorded = self._capture(work)
            self._kept.append(recorded)
            error = _replay_error(recorded, work)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the same work can be done as it comes
            # What ends a capture hides what went wrong within.
            if (lack := _lack_of_memory(fault)) is not None:
                raise lack from None
            return None, f"{type(fault).__name__}: {fault}"
        if error <= LARGEST_ERROR:
            return recorded, ""
        return None, f"a replay is off by {error:.2g}"


def _replay_error(recorded: Recorded, work: Callable[[], Tensor]) -> float:
    """Measure a replay's error against the same work done eagerly. Waits for the device."""
    expected = work().clone()
    # A graph without anything in it leaves what was there.
    recorded.output.fill_(torch.nan)
    recorded.replay()
    return relative_error(recorded.output, expected)


def relative_error(output: Tensor, expected: Tensor) -> float:
    """Return how far numbers are from those expected, relative to their size, where those are finite."""
    is_sound = expected.isfinite()
    error = (output - expected).where(is_sound, 0).norm()
    size = expected.where(is_sound, 0).norm().clamp(min=torch.finfo(expected.dtype).tiny)
    return float((error / size).nan_to_num(torch.inf))


def _as_it_comes(work: Callable[[], Tensor]) -> Recorded:
    output = work()
    return Recorded(lambda: output.copy_(work()), output)


def _lack_of_memory(error: BaseException | None) -> BaseException | None:
    """Find the cause in an error that says that memory ran out."""
    while error is not None and not is_out_of_memory(error):
        error = error.__cause__ or error.__context__
    return error


@contextmanager
def _same_stream_after(device: torch.device) -> Iterator[None]:
    """Go back to the stream that is current now, even where a capture that fails leaves another."""
    before = torch.cuda.current_stream(device)
    try:
        yield
    finally:
        torch.cuda.set_stream(before)


_free_streams: dict[torch.device, list[torch.cuda.Stream]] = {}


def taken_stream(owner: object, device: torch.device) -> torch.cuda.Stream:
    """A stream that is nobody else's while `owner` lives. Torch hands out 32 in turn, then the same again."""
    free = _free_streams.setdefault(device, [])
    stream = free.pop() if free else torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    weakref.finalize(owner, free.append, stream)
    return stream
