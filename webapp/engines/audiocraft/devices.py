"""Resolves devices and precisions, and recognises errors of memory and of lost devices."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

import numpy as np
import torch
from torch import Tensor

from webapp.engines.base import DeviceLost, ModelLoadError
from webapp.engines.memory import HostMemory, trim_heap

OUT_OF_MEMORY: Final = (
    "out of memory",
    "can't allocate memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
)
LIBRARY_FAULTS: Final = ("cuda error", "cublas_status_", "cudnn_status_", "cudnn error", "triton error")


class Precision(StrEnum):
    """The precision of matrix products. INT8 is our compiled step for MusicGen and AudioGen on a CPU."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"

    @property
    def dtype(self) -> torch.dtype:
        """Return torch's type; for INT8, that of everything outside the compiled step."""
        return _DTYPES[self]


_DTYPES = {
    Precision.FLOAT32: torch.float32,
    Precision.BFLOAT16: torch.bfloat16,
    Precision.FLOAT16: torch.float16,
    Precision.INT8: torch.bfloat16,
}


def resolve_device(requested: str) -> torch.device:
    """Return the device of a setting; `auto` is a GPU if there is one. CUDA devices have their number.

    Raises ModelLoadError for one that this machine does not have.
    """
    if requested == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(requested)
        resolved = torch.empty(1, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ModelLoadError(f"the device {requested} is not available here") from error
    return resolved if device.type == "cuda" else device


def resolve_precision(requested: str, device: torch.device) -> Precision | None:
    """Return the precision of a setting; None for `auto`, which is decided for each model.

    Raises ModelLoadError for one that is unknown or not available on this device.
    """
    if requested == "auto":
        return None
    if requested not in set(Precision):
        raise ModelLoadError(f"the precision {requested} is unknown; known: auto, {', '.join(Precision)}")
    if requested == Precision.INT8 and device.type != "cpu":
        raise ModelLoadError(f"the precision {requested} is for processors, not for {device}")
    return Precision(requested)


def has_fast_bfloat16() -> bool:
    """Return whether this machine's processor has instructions for bfloat16."""
    return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 - torch asks by this name too


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Let torch compute on one thread inside: for work so small that waking others would cost more.

    The others would also spin for a while, on processors that the next step needs.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def enter_device(device: torch.device) -> None:
    """Make a device the calling thread's current one, and let its sums be as exact as the precision's name.

    Streams, captures and libraries that name no device use the thread's current one.
    """
    if device.type != "cuda":
        return
    torch.cuda.set_device(device)
    # By default a convolution or an LSTM in float32 rounds its factors to 10 bits.
    torch.backends.cudnn.allow_tf32 = False
    # By default parts of a sum of float16 products are added in float16.
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


def on_device(
    numbers: Sequence[int] | Sequence[float] | Sequence[bool] | Tensor,
    device: torch.device,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Copy numbers from the host to a device without waiting for it."""
    host = numbers if isinstance(numbers, Tensor) else _on_host(numbers)
    if dtype is not None:
        host = host.to(dtype)
    if device.type == "cuda":
        # A copy from pageable memory waits for all work before it.
        return host.pin_memory().to(device, non_blocking=True)
    return host.to(device)


def _on_host(numbers: Sequence[int] | Sequence[float] | Sequence[bool]) -> Tensor:
    """Make a tensor on the host, as `torch.tensor` does."""
    array = np.array(numbers)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    return torch.frombuffer(array, dtype=_TORCH_DTYPES[array.dtype.kind])


_TORCH_DTYPES: Final = {"i": torch.int64, "f": torch.float32, "b": torch.bool}


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the device or the host is out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in OUT_OF_MEMORY)


def is_device_lost(error: BaseException, device: torch.device) -> bool:
    """Return whether an error means that this process can no longer use a device: every later call fails."""
    cause: BaseException | None = error
    # An error that follows from a lack of memory, such as the end of a capture, is no loss.
    while cause is not None and not is_out_of_memory(cause):
        if _is_loss(cause, device):
            return True
        is_explicit = cause.__cause__ is not None or cause.__suppress_context__
        cause = cause.__cause__ if is_explicit else cause.__context__
    return False


def _is_loss(error: BaseException, device: torch.device) -> bool:
    if isinstance(error, DeviceLost):
        return True
    if not isinstance(error, RuntimeError):
        return False
    if isinstance(error, torch.AcceleratorError):
        return True
    # Libraries raise the same type for a lost device and for a rejected call.
    if device.type == "cpu" or not any(words in str(error).lower() for words in LIBRARY_FAULTS):
        return False
    try:
        torch.zeros(1, device=device).item()
    except RuntimeError as repeated:
        return not is_out_of_memory(repeated)
    return False


@contextmanager
def reporting_device_loss(device: torch.device) -> Iterator[None]:
    """Turn errors that mean the loss of the device into DeviceLost."""
    try:
        yield
    except DeviceLost:
        raise
    except Exception as error:
        if is_device_lost(error, device):
            raise DeviceLost(f"{device} is lost: {error}") from error
        raise


class DeviceMemory:
    """Measures the memory that models are loaded into on a device."""

    def __init__(self, device: torch.device, host: HostMemory | None = None) -> None:
        self._device = device
        self._host = host or HostMemory()

    def available_bytes(self) -> int | None:
        """Return the memory available now; on CUDA the driver's free memory plus torch's cache."""
        if self._device.type != "cuda":
            return self._host.available_bytes()
        with reporting_device_loss(self._device):
            free, _total = torch.cuda.mem_get_info(self._device)
        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return free + kept


def free_memory(device: torch.device) -> None:
    """Release unused memory, so that a smaller attempt may fit."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    trim_heap()
