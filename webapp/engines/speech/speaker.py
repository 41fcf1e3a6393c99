"""Speaks through a process of its own, which is restarted when it ends."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from webapp.engines.speech.base import Segment, SpeechError, SpeechTooLong, Voice

COMMAND: Final = (sys.executable, "-m", "webapp.engines.speech.speaker_process")
# Longer than the process's own limit: only for a process that does not enforce it.
SILENT_S: Final = 75.0
# The key of a line that samples follow.
PART: Final = "part"
# Libraries would start threads that do not survive a fork.
ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

Pcm = npt.NDArray[np.int16]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spoken:
    """The sound of one segment."""

    samples: Pcm
    sample_rate: int


class _Ended(SpeechError):
    """The process ended during a request, by itself or because it took too long."""

    def __init__(self, reason: str, *, by_watchdog: bool) -> None:
        super().__init__(f"the speaker process ended: {reason}")
        self.by_watchdog = by_watchdog


class Speaker:
    """Sends requests to the speaker process. One thread at a time may use it."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None

    def voices(self) -> tuple[str, int, list[tuple[str, str, str]]]:
        """Return eSpeak NG's version, sample rate and voices; see `Espeak.voices`. Raises SpeechError."""
        head = self._ask({"ask": "voices"})
        return head["version"], head["sample_rate"], [tuple(voice) for voice in head["voices"]]

    def unknown_languages(self, languages: Iterable[str]) -> frozenset[str]:
        """Return the languages that Piper's eSpeak NG cannot read. Raises SpeechError."""
        head = self._ask({"ask": "unknown languages", "languages": sorted(languages)})
        _require_answer(head)
        return frozenset(head["languages"])

    def load(self, voice: Voice) -> None:
        """Load a neural voice, so that no text waits for it. Raises SpeechError."""
        head = self._ask({"ask": "load", "segments": [_request(Segment("", voice, 0))]})
        _require_answer(head)

    def speak(self, segments: Sequence[Segment], limit_s: float) -> Generator[Spoken, None, None]:
        """Speak segments in order, each as soon as it is spoken; the same segments give the same samples.

        Speaking stops when the iterator is closed. Raises SpeechTooLong if they last longer than `limit_s`
        together, and SpeechError if the process ended before it answered.
        """
        requests = [_request(segment) for segment in segments]
        asked = {"ask": "speak", "segments": requests, "limit_s": limit_s}
        line = json.dumps(asked).encode() + b"\n"
        spoken = 0
        for is_last in (False, True):
            try:
                with closing(self._parts(line)) as parts:
                    for number, part in enumerate(parts):
                        if number >= spoken:
                            yield part
                            spoken += 1
            except _Ended as error:
                if is_last or error.by_watchdog:
                    raise
            else:
                return

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of the process; a process that ends is restarted and asked once more."""
        line = json.dumps(request).encode() + b"\n"
        try:
            return self._answer(line)
        except _Ended as error:
            if error.by_watchdog:
                raise
            return self._answer(line)

    def _answer(self, line: bytes) -> dict[str, Any]:
        with self._asked(line) as answers:
            return _head(answers)

    def _parts(self, line: bytes) -> Generator[Spoken, None, None]:
        """Yield the parts of an answer. When closed before its end, stop the speaking."""
        with self._asked(line) as answers:
            is_over = False
            try:
                while PART in (head := _head(answers)):
                    yield _spoken(head, answers)
                is_over = True
            finally:
                if not is_over:
                    self._interrupt(answers)
        if head.get("too_long"):
            raise SpeechTooLong
        _require_answer(head)
        if head["unread"]:
            reasons = ",".join(head["unread"])
            logger.warning("eSpeak NG spoke what a voice's rules failed on", extra={"reasons": reasons})

    @contextmanager
    def _asked(self, line: bytes) -> Iterator[IO[bytes]]:
        """Send a request; the block reads its answer. Raises _Ended if the process ends instead."""
        process = self._running()
        watchdog = threading.Timer(SILENT_S, process.kill)
        watchdog.start()
        try:
            requests = _pipe(process.stdin)
            requests.write(line)
            requests.flush()
            yield _pipe(process.stdout)
        except (OSError, ValueError) as error:
            self.close()
            raise _Ended(str(error), by_watchdog=watchdog.finished.is_set()) from error
        finally:
            watchdog.cancel()

    def _interrupt(self, answers: IO[bytes]) -> None:
        """Have the process stop speaking, and read what it has said meanwhile."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGUSR1)
        try:
            while PART in (head := _head(answers)):
                _spoken(head, answers)
        except (OSError, ValueError):
            # It has ended; the next request starts another one.
            self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # Ends with this process: its standard input is closed then.
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **ONE_THREAD},
            )
        return self._process


def _request(segment: Segment) -> dict[str, str | float]:
    return {
        "engine": segment.voice.engine,
        "source": segment.voice.source,
        "text": segment.text,
        "speed": segment.speed,
        "pitch": segment.pitch,
        "spare": segment.spare.source if segment.spare else "",
    }


def _require_answer(head: dict[str, Any]) -> None:
    if "failure" in head:
        raise SpeechError(f"nothing was spoken: {head['failure']}")


def _head(answers: IO[bytes]) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(answers.readline())
    return head


def _spoken(head: dict[str, Any], answers: IO[bytes]) -> Spoken:
    """Read the samples that a line announces. Raises ValueError if they break off."""
    rate, length = head[PART]
    samples = answers.read(length)
    if len(samples) < length:
        raise ValueError("the answer breaks off")
    return Spoken(np.frombuffer(samples, np.int16), rate)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("no pipe")
    return pipe
