"""Compiles our C++ for this machine once, and caches the library.

A cached file is named after everything on which it depends: the source, the compiler, its flags, and the
processor. A file that does not match its checksum is compiled again, never loaded: half a library would crash
the process.
"""

import fcntl
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

SOURCES: Final = Path(__file__).parent / "kernel"
COMPILERS: Final = ("c++", "g++", "clang++")
# Only explicit fused multiply-adds: see simd.h.
FLAGS: Final = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-shared",
    "-pthread",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-w",
)
# "Everything that this processor supports": compilers disagree on the flag, and some have none.
TARGETS: Final = (("-march=native",), ("-mcpu=native",), ())
COMPILE_TIMEOUT_S: Final = 180
QUERY_TIMEOUT_S: Final = 20


class NativeUnavailable(Exception):
    """The compiled step is not available here; the text explains why, for a log and an admin."""


class CacheUnusable(NativeUnavailable):
    """The cache folder cannot be used; another folder may work."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler, and its flags for this processor's instructions."""

    command: tuple[str, ...]
    version: str
    target: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*self.command, *FLAGS, *self.target)


@dataclass(frozen=True, slots=True)
class LibraryBuilder:
    """Builds libraries and caches them in a folder.

    `sources` may include the headers of a folder `shared`.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    sources: Path = SOURCES
    targets: Sequence[tuple[str, ...]] = TARGETS
    shared: Path | None = None

    def find_compiler(self) -> Compiler:
        """Find the machine's compiler, or that of ``CXX``. Raises NativeUnavailable if there is none."""
        requested = self.environment.get("CXX", "")
        commands = [tuple(shlex.split(requested))] if requested else [(name,) for name in COMPILERS]
        for command in commands:
            program = shutil.which(command[0], path=self.environment.get("PATH", ""))
            if program is None:
                continue
            full = (program, *command[1:])
            version = self._query(*full, "--version")
            target = next((target for target in self.targets if self._accepts(full, target)), None)
            if version is not None and target is not None:
                return Compiler(full, version, target)
        raise NativeUnavailable(f"there is no C++ compiler ({requested or ', '.join(COMPILERS)})")

    def library(self) -> Path:
        """Return the compiled library; it is compiled now if it is missing or damaged.

        Raises CacheUnusable if it cannot be written or others could have written it, and NativeUnavailable if
        it cannot be compiled.
        """
        compiler = self.find_compiler()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _require_private(self.folder)
            path = self.folder / f"{self._key(compiler)}.so"
            # A second process waits for the first and finds the library built.
            with _locked(path.with_suffix(".lock")):
                if not _is_intact(path):
                    self._compile(compiler, path)
        except OSError as error:
            raise CacheUnusable(f"{self.folder} cannot hold compiled libraries: {error.strerror}") from error
        return path

    def _compile(self, compiler: Compiler, path: Path) -> None:
        # Left by a process that was killed while compiling; the lock is ours now.
        for leftover in self.folder.glob(f"{path.stem}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=f"{path.stem}-") as scratch:
            output = Path(scratch) / path.name
            sources = sorted(str(source) for source in self.sources.glob("*.cpp"))
            logger.info("compiling the decoder's step", extra={"compiler": compiler.version})
            include = () if self.shared is None else ("-I", str(self.shared))
            done = self._run((*compiler.arguments, *include, *sources, "-o", str(output)), COMPILE_TIMEOUT_S)
            if done is None or done.returncode:
                reason = done.stderr.strip().partition("\n")[0] if done else "it took too long"
                raise NativeUnavailable(f"the C++ compiler failed: {reason}")
            checksum = _checksum(output)
            _checksum_file(path).write_text(checksum)
            output.replace(path)

    def _key(self, compiler: Compiler) -> str:
        digest = hashlib.sha256()
        headers = () if self.shared is None else sorted(self.shared.glob("*.h"))
        for source in (*sorted(self.sources.iterdir()), *headers):
            digest.update(f"{source.name}\0{source.read_text(encoding='utf-8')}\0".encode())
        for part in (*compiler.arguments, compiler.version, _processor()):
            digest.update(f"{part}\0".encode())
        return digest.hexdigest()[:32]

    def _accepts(self, command: Sequence[str], target: Sequence[str]) -> bool:
        return self._query(*command, *target, "-E", "-x", "c++", os.devnull) is not None

    def _query(self, *command: str) -> str | None:
        """Return the first line that a command prints, or None if it fails."""
        done = self._run(command, QUERY_TIMEOUT_S)
        return None if done is None or done.returncode else done.stdout.partition("\n")[0]

    def _run(self, command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(  # noqa: S603 - the machine's compiler, on our own source
                command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None


def default_builder() -> LibraryBuilder:
    """Return the builder that a server uses, in the cache folder of ``XDG_CACHE_HOME``."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return LibraryBuilder(Path(base) / "soundloom" / "native")


def _processor() -> str:
    """Describe the processor features on which compiled code depends."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    relevant = ("model name", "flags", "Features", "CPU part")
    features = dict.fromkeys(line for line in lines if line.startswith(relevant))
    return "\n".join((platform.machine(), platform.processor(), *features))


def _require_private(folder: Path) -> None:
    """Check that only we may write to the folder: its files are run as code."""
    features = folder.stat()
    if features.st_uid != os.getuid() or features.st_mode & 0o022:
        raise CacheUnusable(f"others may write to {folder}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_intact(path: Path) -> bool:
    """Return whether a library exists and matches its checksum."""
    try:
        return _checksum(path) == _checksum_file(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum_file(path: Path) -> Path:
    return path.with_suffix(".sha256")
