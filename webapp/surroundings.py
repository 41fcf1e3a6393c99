"""Put a process in order before it does anything else: its streams, its folders, and what it tells others.

Importing `webapp` keeps the libraries from telephoning; `prepare` does the rest for a command.
"""

import io
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final, TextIO, cast

# onnxruntime reads the first of these as it is loaded: without it, it writes a device id into the home
# folder and looks up a host to report to. Weights come from our own downloads only, so the hubs' libraries
# have nothing to fetch.
QUIET: Final = {
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}
# Where libraries keep what they could make again. Those that are not named go by XDG_CACHE_HOME.
CACHES: Final = {
    "XDG_CACHE_HOME": "",
    "MPLCONFIGDIR": "matplotlib",
    "NUMBA_CACHE_DIR": "numba",
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
    "TORCH_EXTENSIONS_DIR": "torch_extensions",
    "TORCHINDUCTOR_CACHE_DIR": "torchinductor",
    "TRITON_HOME": "triton",
    "TRITON_CACHE_DIR": "triton/cache",
    "CUDA_CACHE_PATH": "cuda",
}
UNSHOWN: Final = "backslashreplace"


def keep_quiet(environ: MutableMapping[str, str]) -> None:
    """Keep every library from reporting or fetching anything by itself, in children too."""
    environ.update(QUIET)


def keep_within(environ: MutableMapping[str, str], folder: Path) -> None:
    """Give every library this folder for its caches, in place of the user's home."""
    for variable, name in CACHES.items():
        environ[variable] = str(folder / name)


def prepare(cache_dir: Path) -> None:
    """Put this process in order; to be called before it opens, imports or starts anything else."""
    open_standard_streams()
    keep_within(os.environ, cache_dir)
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        sys.stderr = never_failing(sys.stderr)
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, UNSHOWN)):
        # What was chosen with PYTHONIOENCODING stays.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors=errors)


def open_standard_streams() -> None:
    """Open those of the three standard streams that are closed, on nothing.

    The next file would get the number of a closed one, and what is written to it as a stream would go into
    that file: the database, say.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            stream = open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def tell(line: str) -> None:
    """Print a line that nobody need read: where standard output takes nothing, it is lost."""
    try:
        print(line, flush=True)  # noqa: T201 - what the operator of a terminal waits for
    except OSError:
        give_up_output()


def give_up_output() -> None:
    """Send standard output nowhere from now on; what is still in its buffer has nowhere else to go."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def never_failing(stream: TextIO) -> TextIO:
    """A stream onto the same file that loses what cannot be written, in place of raising."""
    raw = _Lossy(stream.fileno())
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors=UNSHOWN, line_buffering=True
    )


class _Lossy(io.RawIOBase):
    """Writes to a file descriptor and says that it did, whether or not it could."""

    def __init__(self, number: int) -> None:
        self._number = number

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, data: object, /) -> int:
        some_bytes = cast("bytes", data)
        try:
            return os.write(self._number, some_bytes)
        except OSError:
            return memoryview(some_bytes).nbytes
