"""Captures work once as a CUDA graph and replays it as a whole.

A decoding step is some hundreds of small kernels, and launching each takes longer than the kernel. A captured
graph is launched once. It reads and writes the tensors of its capture; Python values are baked in.
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
EMPTY_GRAPH_WARNING: Final = "The CUDA Graph is empty"
"""The start of torch's warning that nothing was captured."""
MAX_ERROR: Final = 1e-3
"""Greatest distance of a replay from the same work done eagerly, relative to its norm."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Captured work: `replay` repeats it, into `output`."""

    replay: Callable[[], object]
    output: Tensor


class Capture(Protocol):
    """A way to capture work."""

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        """Capture `work`, which may be run any number of times. The output is valid after a replay.

        Raises torch's out of memory.
        """
        ...


class CudaCapture:
    """Captures CUDA graphs, all in one memory pool: only one of them runs at a time.

    Warm-up and capture run on a stream of their own. Libraries keep a workspace for each stream, which graphs
    go on using: on a stream on which another model's graphs were captured, it would be freed with those. For
    the same reason none of these graphs may be freed before the others.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._failed: list[torch.cuda.CUDAGraph] = []
        with torch.cuda.device(device):
            self._pool = torch.cuda.graph_pool_handle()
            self._stream = exclusive_stream(self, device)

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        with torch.cuda.device(self._device), _restoring_stream(self._device), warnings.catch_warnings():
            warnings.filterwarnings("error", message=EMPTY_GRAPH_WARNING)
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
        """Let libraries choose kernels and allocate workspace, which must not be captured."""
        before = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(before)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                work()
        before.wait_stream(self._stream)


class Recorder:
    """Captures work as long as replays prove correct; after a failure it runs all work eagerly.

    It keeps every capture until all are cleared: one freed alone could free the workspace of the others (see
    :class:`CudaCapture`).
    """

    def __init__(self, capture: Capture) -> None:
        self._capture, self._is_used = capture, True
        self._recordings: list[Recorded] = []

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        """Return captured work whose replay does what `work` does. Raises torch's out of memory."""
        if self._is_used:
            recorded, reason = self._try_capture(work)
            if recorded is not None:
                return recorded
            self._is_used = False
            logger.warning("steps are not captured, which makes them slower: %s", reason)
        return _eager(work)

    def clear(self) -> None:
        """Free all captures; none of them may be replayed any more."""
        self._recordings.clear()

    def _try_capture(self, work: Callable[[], Tensor]) -> tuple[Recorded | None, str]:
        """Return captured work that proved correct, or the reason for none. Raises torch's out of memory."""
        try:
            recorded = self._capture(work)
            self._recordings.append(recorded)
            error = _replay_error(recorded, work)
        except Exception as caught:  # noqa: BLE001 - whatever it is, the work can be run eagerly
            # The error that ends a capture hides the one inside it.
            if (cause := _out_of_memory_cause(caught)) is not None:
                raise cause from None
            return None, f"{type(caught).__name__}: {caught}"
        if error <= MAX_ERROR:
            return recorded, ""
        return None, f"a replay is off by {error:.2g}"


def _replay_error(recorded: Recorded, work: Callable[[], Tensor]) -> float:
    """Measure a replay's error against the same work run eagerly. Waits for the device."""
    expected = work().clone()
    # An empty graph would leave the output as it is.
    recorded.output.fill_(torch.nan)
    recorded.replay()
    return relative_error(recorded.output, expected)


def relative_error(output: Tensor, expected: Tensor) -> float:
    """Return the norm of the error relative to that of `expected`, where the latter is finite."""
    is_finite = expected.isfinite()
    error = (output - expected).where(is_finite, 0).norm()
    size = expected.where(is_finite, 0).norm().clamp(min=torch.finfo(expected.dtype).tiny)
    return float((error / size).nan_to_num(torch.inf))


def _eager(work: Callable[[], Tensor]) -> Recorded:
    output = work()
    return Recorded(lambda: output.copy_(work()), output)


def _out_of_memory_cause(error: BaseException | None) -> BaseException | None:
    """Return the error in a chain of causes that says that memory ran out."""
    while error is not None and not is_out_of_memory(error):
        error = error.__cause__ or error.__context__
    return error


@contextmanager
def _restoring_stream(device: torch.device) -> Iterator[None]:
    """Restore the current stream afterwards; a failed capture leaves another one."""
    before = torch.cuda.current_stream(device)
    try:
        yield
    finally:
        torch.cuda.set_stream(before)


_free_streams: dict[torch.device, list[torch.cuda.Stream]] = {}


def exclusive_stream(owner: object, device: torch.device) -> torch.cuda.Stream:
    """Return a stream that nothing else uses while `owner` lives; torch itself reuses its pool of 32."""
    free = _free_streams.setdefault(device, [])
    stream = free.pop() if free else torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    weakref.finalize(owner, free.append, stream)
    return stream
