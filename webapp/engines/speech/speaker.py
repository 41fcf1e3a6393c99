"""Speaks through a process of its own, which is restarted when it ends."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from webapp.engines.speech.base import Segment, SpeechError, SpeechTooLong, Voice

COMMAND: Final = (sys.executable, "-m", "webapp.engines.speech.speaker_process")
# Longer than the process's own limit: only for a process that does not enforce it.
SILENT_S: Final = 75.0
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
        head, _ = self._ask({"ask": "voices"})
        return head["version"], head["sample_rate"], [tuple(voice) for voice in head["voices"]]

    def unknown_languages(self, languages: Iterable[str]) -> frozenset[str]:
        """Return the languages that Piper's eSpeak NG cannot read. Raises SpeechError."""
        head, _ = self._ask({"ask": "unknown languages", "languages": sorted(languages)})
        _require_answer(head)
        return frozenset(head["languages"])

    def load(self, voice: Voice) -> None:
        """Load a neural voice, so that no text waits for it. Raises SpeechError."""
        head, _ = self._ask({"ask": "load", "segments": [_request(Segment("", voice, 0))]})
        _require_answer(head)

    def speak(self, segments: Sequence[Segment], speed: float, limit_s: float) -> list[Spoken]:
        """Speak segments in order; the same segments always give the same samples.

        Raises SpeechTooLong if they last longer than `limit_s` together, and SpeechError if the process ended
        before it answered.
        """
        requests = [_request(segment) for segment in segments]
        head, samples = self._ask({"ask": "speak", "segments": requests, "speed": speed, "limit_s": limit_s})
        if head.get("too_long"):
            raise SpeechTooLong
        _require_answer(head)
        if head["unread"]:
            reasons = ",".join(head["unread"])
            logger.warning("eSpeak NG spoke what a voice's rules failed on", extra={"reasons": reasons})
        spoken, offset = [], 0
        for rate, length in head["parts"]:
            spoken.append(Spoken(np.frombuffer(samples[offset : offset + length], np.int16), rate))
            offset += length
        return spoken

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return the answer of the process; a process that ends is restarted and asked once more."""
        line = json.dumps(request).encode() + b"\n"
        try:
            return self._answer(line)
        except _Ended as error:
            if error.by_watchdog:
                raise
            return self._answer(line)

    def _answer(self, line: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._running()
        watchdog = threading.Timer(SILENT_S, process.kill)
        watchdog.start()
        try:
            return _exchange(process, line)
        except (OSError, ValueError) as error:
            self.close()
            raise _Ended(str(error), by_watchdog=watchdog.finished.is_set()) from error
        finally:
            watchdog.cancel()

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


def _request(segment: Segment) -> dict[str, str]:
    return {
        "engine": segment.voice.engine,
        "source": segment.voice.source,
        "text": segment.text,
        "spare": segment.spare.source if segment.spare else "",
    }


def _require_answer(head: dict[str, Any]) -> None:
    if "failure" in head:
        raise SpeechError(f"nothing was spoken: {head['failure']}")


def _exchange(process: subprocess.Popen[bytes], line: bytes) -> tuple[dict[str, Any], bytes]:
    """Exchange a request for its answer. Raises OSError and ValueError if the process ends instead."""
    requests, answers = _pipe(process.stdin), _pipe(process.stdout)
    requests.write(line)
    requests.flush()
    head: dict[str, Any] = json.loads(answers.readline())
    length = sum(part for _, part in head.get("parts", ()))
    samples = answers.read(length)
    if len(samples) < length:
        raise ValueError("the answer breaks off")
    return head, samples


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("no pipe")
    return pipe
