"""Reports the progress of long commands: to a person, into a file, to another program."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from webapp.errors import ProductError
from webapp.weights.pull import Progress

EVERY_S = 0.25


class Output(Protocol):
    """Tells of a pull or a removal."""

    exit_code: int

    def tell(self, progress: Progress) -> None: ...

    def ended(self, state: str, text: str) -> None: ...


class JsonLines:
    """One JSON object on a line of standard output for each step."""

    exit_code = 0

    def tell(self, progress: Progress) -> None:
        self._write(
            state=progress.state,
            file=progress.file,
            done_bytes=progress.done_bytes,
            total_bytes=progress.total_bytes,
            bytes_per_s=progress.bytes_per_s,
        )

    def ended(self, state: str, text: str) -> None:
        self._write(state=state, text=text)

    def failed(self, text: str) -> None:
        self.exit_code = 1
        self._write(state="failed", error=text)

    def _write(self, **fields: object) -> None:
        print(json.dumps(fields), flush=True)


class Spoken:
    """A line on standard error that changes in place; where nobody watches, one for each file."""

    exit_code = 0

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._is_watched = sys.stderr.isatty()
        self._told_s = -EVERY_S
        self._told = ("", "")
        self._width = 0

    def tell(self, progress: Progress) -> None:
        step = (progress.state, progress.file)
        is_due = self._is_watched and self._now_s() - self._told_s >= EVERY_S
        if step == self._told and not is_due:
            return
        self._told, self._told_s = step, self._now_s()
        line = _line(progress)
        if not self._is_watched:
            print(line, file=sys.stderr)
            return
        print(f"\r{line.ljust(self._width)}", end="", file=sys.stderr, flush=True)
        self._width = len(line)

    def ended(self, state: str, text: str) -> None:
        self.clear()
        print(text)

    def clear(self) -> None:
        """Leave nothing of a line that changes in place."""
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)
            self._width = 0


@contextmanager
def output(kind: str) -> Iterator[Output]:
    """Report progress while the block runs. `json` adds errors to its lines."""
    if kind == "json":
        lines = JsonLines()
        try:
            yield lines
        except ProductError as error:
            lines.failed(error.message)
        except OSError as error:
            lines.failed(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return
    spoken = Spoken()
    try:
        yield spoken
    finally:
        spoken.clear()


def gigabytes(size_bytes: int) -> str:
    """A size for people."""
    if size_bytes >= 10**9:
        return f"{size_bytes / 10**9:.1f} GB"
    return f"{size_bytes / 10**6:.1f} MB"


def _line(progress: Progress) -> str:
    words = {
        "looking": "asking for",
        "checking": "checking",
        "waiting": "waiting for another pull of",
        "fetching": "fetching",
    }
    line = f"{words[progress.state]} {progress.file}"
    if progress.state != "fetching":
        return line
    share = progress.done_bytes / progress.total_bytes if progress.total_bytes else 1.0
    line += f"  {share:4.0%}  {gigabytes(progress.done_bytes)} of {gigabytes(progress.total_bytes)}"
    if progress.bytes_per_s:
        line += f"  {progress.bytes_per_s / 10**6:.1f} MB/s"
    return f"{line}  {_clock(progress.eta_s)} left" if progress.eta_s is not None else line


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
