"""Python bindings of the compiled library: pointers and numbers, and errors as exceptions."""

import ctypes
import logging
import tempfile
from collections.abc import Callable, Sequence
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int, c_int32, c_void_p
from dataclasses import replace
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from torch import Tensor

from webapp.engines.audiocraft.decoder.native.compiler import (
    CacheUnusable,
    LibraryBuilder,
    NativeUnavailable,
    default_builder,
)

logger = logging.getLogger(__name__)

Handle: TypeAlias = c_void_p
Loaded = TypeVar("Loaded")

_OUT_OF_MEMORY: Final = 1
_REFUSED: Final = 2


class ModelShape(Structure):
    """Mirrors the struct in model.h."""

    _fields_ = tuple(
        (name, c_int32)
        for name in ("dim", "heads", "layers", "hidden", "codebooks", "card", "rows", "steps", "threads")
    )


class SamplingParams(Structure):
    """Mirrors the struct in draw.h."""

    _fields_ = (
        ("temperature", c_float),
        ("top_p", c_float),
        ("guidance", c_float),
        ("top_k", c_int32),
    )


class LinearPart(IntEnum):
    """A layer's linear layers, numbered as in model.h."""

    QKV = 0
    SELF_OUT = 1
    CROSS_QUERY = 2
    CROSS_KEY = 3
    CROSS_VALUE = 4
    CROSS_OUT = 5
    FEED_IN = 6
    FEED_OUT = 7


class NormPart(IntEnum):
    """A layer's norms, numbered as in model.h."""

    SELF = 0
    CROSS = 1
    FEED = 2


_FLOATS: Final = c_void_p
_CALLS: Final[dict[str, tuple[object, ...]]] = {
    "new": (POINTER(ModelShape), POINTER(Handle)),
    "linear": (Handle, c_int, c_int, _FLOATS, _FLOATS),
    "norm": (Handle, c_int, c_int, _FLOATS, _FLOATS, c_float),
    "embedding": (Handle, c_int, _FLOATS),
    "positions": (Handle, _FLOATS),
    "begin": (Handle, c_int, _FLOATS, c_int),
    "rewind": (Handle, c_int),
    "release": (Handle, c_int),
    "prefill": (Handle, POINTER(c_int32), c_int, c_void_p, c_int),
    "step": (Handle, POINTER(c_int32), c_int, c_void_p, _FLOATS),
    "draw": (_FLOATS, c_int, c_int, c_int, POINTER(SamplingParams), _FLOATS, c_void_p, c_void_p),
}


class Library:
    """The functions of a compiled library. Raises NativeUnavailable for a file that is not one."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path))
            self._functions = {name: self._function(name, types) for name, types in _CALLS.items()}
            self._delete: Callable[[Handle], None] = self._library.soundloom_delete
        except (OSError, AttributeError) as error:
            raise NativeUnavailable(f"the compiled step cannot be loaded: {error}") from error
        self._library.soundloom_delete.argtypes = (Handle,)
        self._library.soundloom_delete.restype = None
        self._library.soundloom_instructions.restype = c_char_p

    @property
    def instructions(self) -> str:
        """Return the processor's instructions that the linear layers use."""
        name: bytes = self._library.soundloom_instructions()
        return name.decode()

    def new(self, shape: ModelShape) -> Handle:
        handle = Handle()
        self.call("new", byref(shape), byref(handle))
        return handle

    def delete(self, handle: Handle) -> None:
        self._delete(handle)

    def call(self, name: str, *arguments: object) -> None:
        """Call a function of entry.cpp. Raises MemoryError, and IndexError for an argument out of range."""
        outcome = self._functions[name](*arguments)
        if outcome == _OUT_OF_MEMORY:
            raise MemoryError("memory ran out in the decoder")
        if outcome == _REFUSED:
            raise IndexError("a row, a position or a token does not exist")

    def _function(self, name: str, types: tuple[object, ...]) -> Callable[..., int | None]:
        function = getattr(self._library, f"soundloom_{name}")
        function.argtypes = types
        function.restype = None if name in ("embedding", "positions") else c_int
        typed: Callable[..., int | None] = function
        return typed


@cache
def default_library() -> Library:
    """Return the library of this machine, compiled if necessary. Raises NativeUnavailable."""
    return library_from(default_builder())


def library_from(builder: LibraryBuilder) -> Library:
    """Load the library of a builder. Raises NativeUnavailable."""
    return load_library(builder, Library)


def load_library(builder: LibraryBuilder, load: Callable[[Path], Loaded]) -> Loaded:
    """Load the compiled library; compile it for this process alone if it cannot be cached.

    Raises NativeUnavailable.
    """
    try:
        return load(builder.library())
    except CacheUnusable as error:
        logger.warning("each process compiles the step anew: %s", error)
    # Once loaded, the file is not needed any more.
    try:
        with tempfile.TemporaryDirectory(prefix="soundloom-") as folder:
            return load(replace(builder, folder=Path(folder)).library())
    except OSError as error:
        raise NativeUnavailable(f"there is no folder to compile in: {error.strerror}") from error


def pointer(tensor: Tensor | None) -> c_void_p | None:
    """Return the address of a contiguous tensor's data."""
    return None if tensor is None else c_void_p(tensor.data_ptr())


def row_array(rows: Sequence[int]) -> "ctypes.Array[c_int32]":
    return (c_int32 * len(rows))(*rows)
