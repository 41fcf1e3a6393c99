"""Torch's CUDA streams and graphs as they behave, on a processor: their rules, without a device.

A kernel runs on its tensors' device, in that device's current stream. A capture records what its own stream
is given and runs none of it. Libraries keep a work space for each stream, taken when it is first used; when a
graph goes, those of the stream that it was captured on are freed, and whoever recorded their address faults.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor


@dataclass
class WorkSpace:
    is_freed: bool = False


class FakeStream:
    """A queue of a device's work."""

    made = 0

    def __init__(self, device: torch.device | None = None) -> None:
        FakeStream.made += 1
        self.device = device or torch.device("cuda", FakeCuda.now.device)
        self.work_space: WorkSpace | None = None

    def wait_stream(self, _other: "FakeStream") -> None: ...


class FakeGraph:
    """What was recorded: kernels, where their results go, and the work space that they use."""

    def __init__(self) -> None:
        self.kernels: list[tuple[Callable[[], Tensor], Tensor]] = []
        self.stream: FakeStream | None = None
        self.work_space: WorkSpace | None = None

    def replay(self) -> None:
        if self.work_space is not None and self.work_space.is_freed:
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
        for kernel, result in self.kernels:
            result.copy_(kernel())

    def __del__(self) -> None:
        if self.stream is not None and self.stream.work_space is not None:
            self.stream.work_space.is_freed = True
            self.stream.work_space = None


class FakeCapture:
    """In place of torch.cuda.graph, which ends a capture before it leaves the stream."""

    default_capture_stream: FakeStream | None = None

    def __init__(self, graph: FakeGraph, pool: object = None, stream: FakeStream | None = None) -> None:
        if stream is None and FakeCapture.default_capture_stream is None:
            FakeCapture.default_capture_stream = FakeStream()
        self._graph, self._stream = graph, stream or FakeCapture.default_capture_stream

    def __enter__(self) -> None:
        cuda = FakeCuda.now
        assert self._stream is not None
        self._before = cuda.current_stream(self._stream.device)
        cuda.set_stream(self._stream)
        self._graph.stream = self._stream
        cuda.capturing = self._graph

    def __exit__(self, *_: object) -> None:
        cuda = FakeCuda.now
        cuda.capturing = None
        if cuda.end_error is not None:
            raise cuda.end_error
        if not self._graph.kernels:
            warnings.warn(
                "The CUDA Graph is empty. This usually means that the graph was attempted to be captured on"
                " wrong device or stream.",
                stacklevel=2,
            )
        cuda.set_stream(self._before)


class FakeCuda:
    """The state of the only thread there is. Tensors are all on `home`."""

    now: "FakeCuda"

    def __init__(self, home: int) -> None:
        FakeCuda.now = self
        self.home = home
        self.device = 0
        self.capturing: FakeGraph | None = None
        self.end_error: Exception | None = None
        self.capture_error: Exception | None = None
        self._streams = {number: FakeStream(torch.device("cuda", number)) for number in range(2)}

    def kernel(self, compute: Callable[[], Tensor]) -> Tensor:
        """Launch something on the device where the tensors are."""
        stream = self._streams[self.home]
        graph = self.capturing
        if graph is not None and self.capture_error is not None:
            raise self.capture_error
        stream.work_space = stream.work_space or WorkSpace()
        if graph is None or graph.stream is not stream:
            return compute()
        result = torch.full_like(compute(), torch.nan)
        graph.kernels.append((compute, result))
        graph.work_space = stream.work_space
        return result

    def current_stream(self, device: torch.device | None = None) -> FakeStream:
        return self._streams[self.device if device is None else device.index]

    def set_stream(self, stream: FakeStream) -> None:
        self._streams[stream.device.index] = stream
        self.device = stream.device.index

    @contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        before, device = self.current_stream(stream.device), self.device
        self.set_stream(stream)
        yield
        self.set_stream(before)
        self.device = device

    @contextmanager
    def on(self, device: torch.device) -> Iterator[None]:
        before, self.device = self.device, device.index
        yield
        self.device = before


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """Two GPUs in place of torch's; tensors are on the second, the first is current."""
    cuda = FakeCuda(home=1)
    FakeStream.made, FakeCapture.default_capture_stream = 0, None
    for name, stand_in in (
        ("Stream", FakeStream), ("CUDAGraph", FakeGraph), ("graph", FakeCapture), ("stream", cuda.stream),
        ("current_stream", cuda.current_stream), ("set_stream", cuda.set_stream), ("device", cuda.on),
        ("graph_pool_handle", lambda: (0, 1)),
    ):  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr("webapp.engines.audiocraft.decoder.capture._free_streams", {})
    return cuda
