"""Python bindings of the compiled codec."""

import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int32, c_void_p
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from webapp.engines.audiocraft.decoder.native.compiler import SOURCES as SHARED
from webapp.engines.audiocraft.decoder.native.compiler import (
    LibraryBuilder,
    NativeUnavailable,
    default_builder,
)
from webapp.engines.audiocraft.decoder.native.library import load_library

SOURCES: Final = Path(__file__).parent / "kernel"

Handle: TypeAlias = c_void_p


class LayerShape(Structure):
    """Mirrors `Layer` in codec.h."""

    _fields_ = tuple(
        (name, c_int32)
        for name in (
            *("width", "out", "taps", "dilation", "stride", "before", "after"),
            *("reflects", "trim", "source", "raw", "active", "adds"),
        )
    )


_FLOATS: Final = c_void_p
_CALLS: Final[dict[str, tuple[object, ...]]] = {
    "new": (c_int, POINTER(Handle)),
    "recurrent": (Handle, c_int, _FLOATS, _FLOATS, _FLOATS),
    "layer": (Handle, POINTER(LayerShape), _FLOATS, _FLOATS),
    "recur": (Handle, c_int, c_int, _FLOATS, _FLOATS, _FLOATS, _FLOATS),
    "convolve": (Handle, c_int, c_int, c_int, _FLOATS, _FLOATS),
}


class CodecLibrary:
    """The functions of a compiled library. Raises NativeUnavailable for a file that is not one."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path))
            self._functions = {name: getattr(self._library, f"codec_{name}") for name in _CALLS}
            self._library.codec_delete.argtypes = (Handle,)
            self._library.codec_delete.restype = None
            self._library.codec_instructions.restype = c_char_p
            self.lanes: int = self._library.codec_lanes()
        except (OSError, AttributeError) as error:
            raise NativeUnavailable(f"the compiled codec cannot be loaded: {error}") from error
        for name, types in _CALLS.items():
            self._functions[name].argtypes = types

    @property
    def instructions(self) -> str:
        """Return the processor's instructions that the products use."""
        name: bytes = self._library.codec_instructions()
        return name.decode()

    def new(self, threads: int) -> Handle:
        handle = Handle()
        self.call("new", threads, byref(handle))
        return handle

    def delete(self, handle: Handle) -> None:
        self._library.codec_delete(handle)

    def call(self, name: str, *arguments: object) -> None:
        """Call a function of entry.cpp. Raises MemoryError."""
        if self._functions[name](*arguments):
            raise MemoryError("memory ran out in the codec")


@cache
def default_codec_library() -> CodecLibrary:
    """Return the library of this machine, compiled if necessary. Raises NativeUnavailable."""
    return load_library(codec_builder(default_builder()), CodecLibrary)


def codec_builder(builder: LibraryBuilder) -> LibraryBuilder:
    """Return a builder like another one, with the codec's sources."""
    return LibraryBuilder(builder.folder, builder.environment, SOURCES, builder.targets, SHARED)
