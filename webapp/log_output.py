"""Write log lines from a thread of their own, so that whoever reads them cannot hold up or end a process."""

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

# What waits while the reader of a pipe is slow: some ten thousand lines.
MAX_WAITING_BYTES: Final = 1_000_000
# How long the end of a process waits for a reader.
DRAIN_S: Final = 0.5


class LineOutput:
    """A file descriptor that takes lines at once and writes them when it can.

    Lines that cannot be written, because the disk is full, the reader is gone or too many wait already, are
    lost; how many is told as soon as something can be written again.
    """

    def __init__(
        self, number: int, line_of_loss: Callable[[int], bytes], max_waiting_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        """`line_of_loss` says that so many lines were lost."""
        self._number = number
        self._line_of_loss = line_of_loss
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: deque[bytes] = deque()
        self.waiting_bytes = 0
        self.lost_lines = 0
        self._is_writing = False
        self._changed = threading.Condition()
        self._writer: threading.Thread | None = None

    def put(self, lines: bytes) -> None:
        """Have whole lines written soon; never waits, never fails."""
        with self._changed:
            if self.waiting_bytes + len(lines) > self._max_waiting_bytes:
                self.lost_lines += lines.count(b"\n")
                return
            self._waiting.append(lines)
            self.waiting_bytes += len(lines)
            if self._writer is None:
                self._start()
            self._changed.notify_all()

    def drain(self, patience_s: float = DRAIN_S) -> None:
        """Wait until everything is written, or until it is clear that the reader takes nothing."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._waiting or self._is_writing), patience_s)

    def _start(self) -> None:
        writer = threading.Thread(target=self._write_for_ever, name="log", daemon=True)
        try:
            writer.start()
        except RuntimeError:
            # No thread can be had now; the next line tries again.
            return
        self._writer = writer

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                lines, lost = b"".join(self._waiting), self.lost_lines
                self._waiting.clear()
                self.waiting_bytes = self.lost_lines = 0
                self._is_writing = True
            is_written = self._write(self._line_of_loss(lost) + lines if lost else lines)
            with self._changed:
                if not is_written:
                    self.lost_lines += lost + lines.count(b"\n")
                self._is_writing = False
                self._changed.notify_all()

    def _write(self, lines: bytes) -> bool:
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._number, rest) :]
        except OSError:
            return False
        return True
