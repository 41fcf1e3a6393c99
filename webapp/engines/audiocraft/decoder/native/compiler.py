"""Compiles our C++ for this machine, once, and keeps the result.

What is kept is named after everything that it depends on: the source, the compiler, how it is called, and
the processor. A file that is not what was written is made again, never loaded: half a library would end the
process.
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
# Sums are contracted where the source says so: see simd.h.
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
# "All that this processor can": compilers disagree on the word, and some know none.
TARGETS: Final = (("-march=native",), ("-mcpu=native",), ())
COMPILING_S: Final = 180
ASKING_S: Final = 20


class NativeUnavailable(Exception):
    """The compiled step cannot be had here; the text says why, for a log and an admin."""


class NothingKept(NativeUnavailable):
    """The folder for what is compiled cannot be used; another one may do."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler, and how it is asked for this processor's instructions."""

    command: tuple[str, ...]
    version: str
    target: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*self.command, *FLAGS, *self.target)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where things are compiled and kept; a test gives another one.

    `sources` may include the headers of a folder `shared`.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    sources: Path = SOURCES
    targets: Sequence[tuple[str, ...]] = TARGETS
    shared: Path | None = None

    def find_compiler(self) -> Compiler:
        """The machine's compiler; ``CXX`` chooses another. Raises NativeUnavailable where there is none."""
        asked = self.environment.get("CXX", "")
        commands = [tuple(shlex.split(asked))] if asked else [(name,) for name in COMPILERS]
        for command in commands:
            program = shutil.which(command[0], path=self.environment.get("PATH", ""))
            if program is None:
                continue
            full = (program, *command[1:])
            version = self._ask(*full, "--version")
            target = next((target for target in self.targets if self._accepts(full, target)), None)
            if version is not None and target is not None:
                return Compiler(full, version, target)
        raise NativeUnavailable(f"there is no C++ compiler ({asked or ', '.join(COMPILERS)})")

    def library(self) -> Path:
        """The compiled library, made now if it is not there or damaged.

        Raises NothingKept where it cannot be written or others could have written it, and
        NativeUnavailable where it cannot be compiled.
        """
        compiler = self.find_compiler()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _refuse_writable_by_others(self.folder)
            path = self.folder / f"{self._key(compiler)}.so"
            # Whoever comes second waits, and finds it done.
            with _locked(path.with_suffix(".lock")):
                if not _is_whole(path):
                    self._compile(compiler, path)
        except OSError as error:
            raise NothingKept(f"nothing can be kept in {self.folder}: {error.strerror}") from error
        return path

    def _compile(self, compiler: Compiler, path: Path) -> None:
        # What a process left that was ended while it compiled: nobody else is at it now.
        for left in self.folder.glob(f"{path.stem}-*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=f"{path.stem}-") as scratch:
            made = Path(scratch) / path.name
            sources = sorted(str(source) for source in self.sources.glob("*.cpp"))
            logger.info("compiling the decoder's step", extra={"compiler": compiler.version})
            include = () if self.shared is None else ("-I", str(self.shared))
            done = self._run((*compiler.arguments, *include, *sources, "-o", str(made)), COMPILING_S)
            if done is None or done.returncode:
                why = done.stderr.strip().partition("\n")[0] if done else "it took too long"
                raise NativeUnavailable(f"the C++ compiler failed: {why}")
            checksum = _checksum(made)
            _checksum_file(path).write_text(checksum)
            made.replace(path)

    def _key(self, compiler: Compiler) -> str:
        digest = hashlib.sha256()
        headers = () if self.shared is None else sorted(self.shared.glob("*.h"))
        for source in (*sorted(self.sources.iterdir()), *headers):
            digest.update(f"{source.name}\0{source.read_text(encoding='utf-8')}\0".encode())
        for part in (*compiler.arguments, compiler.version, _processor()):
            digest.update(f"{part}\0".encode())
        return digest.hexdigest()[:32]

    def _accepts(self, command: Sequence[str], target: Sequence[str]) -> bool:
        return self._ask(*command, *target, "-E", "-x", "c++", os.devnull) is not None

    def _ask(self, *command: str) -> str | None:
        """The first line that a command prints, or None if it fails."""
        done = self._run(command, ASKING_S)
        return None if done is None or done.returncode else done.stdout.partition("\n")[0]

    def _run(self, command: Sequence[str], patience_s: float) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(  # noqa: S603 - the machine's compiler, on our own source
                command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=patience_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None


def usual_workshop() -> Workshop:
    """The one that a server uses: its cache folder, which it has put into ``XDG_CACHE_HOME``."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Workshop(Path(base) / "soundloom" / "native")


def _processor() -> str:
    """Return the processor features on which compiled code depends."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    wanted = ("model name", "flags", "Features", "CPU part")
    facts = dict.fromkeys(line for line in lines if line.startswith(wanted))
    return "\n".join((platform.machine(), platform.processor(), *facts))


def _refuse_writable_by_others(folder: Path) -> None:
    """Check who may write to the folder: its files are run as code."""
    facts = folder.stat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o022:
        raise NothingKept(f"others could write to {folder}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_whole(path: Path) -> bool:
    """Return whether a library is there as it was written."""
    try:
        return _checksum(path) == _checksum_file(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum_file(path: Path) -> Path:
    return path.with_suffix(".sha256")
