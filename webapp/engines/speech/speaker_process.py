"""The speaker process: isolates native code, so that its crashes harm nothing else.

It has one thread and never speaks itself: for each request it forks a child that does, so that every text is
spoken by a library in its initial state, and a crash ends only the child. Requests are lines of JSON on
standard input. An answer is lines of JSON: one for each part, followed by the samples that it announces, as
soon as it is spoken; and a last one without samples. SIGUSR1 ends the child, and so the answer.
"""

import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from webapp.engines.speech.english_readers import EnglishReaders
from webapp.engines.speech.english_voices import EnglishVoices, Unreadable, most_phonemes
from webapp.engines.speech.espeak import Espeak
from webapp.engines.speech.hibari_voices import HibariVoices
from webapp.engines.speech.kokoro_voices import KokoroVoices
from webapp.engines.speech.piper_voices import PiperVoices, unknown_languages
from webapp.engines.speech.reading.symbols import names

# Far longer than the longest text takes on a busy machine.
LIMIT_S: Final = 60
BYTES_PER_SAMPLE: Final = 2
# Says the names of characters that a voice has no sound for.
NAMING_VOICE: Final = "en-us"
# The key of a line that samples follow: their rate, and how many bytes they are.
PART: Final = "part"

Answer = tuple[dict[str, Any], bytes]


class SpeakerProcess:
    """Answers requests until standard input ends."""

    def __init__(self) -> None:
        self._espeak = Espeak()
        readers = EnglishReaders()
        self._english: dict[str, EnglishVoices] = {
            "hibari": HibariVoices(readers),
            "kokoro": KokoroVoices(readers),
        }
        self._neural: dict[str, EnglishVoices | PiperVoices] = {**self._english, "piper": PiperVoices()}
        # Why rules failed on pieces of the text that is spoken, for the log.
        self._unread: list[str] = []
        self._child: int | None = None
        # Heeded only while it waits for the child: a write that a signal breaks into would lose a part.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        signal.signal(signal.SIGUSR1, self._end_child)

    def serve(self, requests: BinaryIO, answers: BinaryIO) -> None:
        for line in requests:
            for head, samples in self._answer(json.loads(line)):
                _write(answers, head, samples)

    def _answer(self, request: dict[str, Any]) -> Iterator[Answer]:
        if request["ask"] == "voices":
            version, rate = self._espeak.version, self._espeak.sample_rate
            yield {"version": version, "sample_rate": rate, "voices": self._espeak.voices()}, b""
            return
        for segment in request.get("segments", ()):
            if segment["engine"] in self._neural:
                # Before the fork, so that a model is loaded once.
                try:
                    self._neural[segment["engine"]].load(segment["source"])
                except Exception as error:  # noqa: BLE001 - native libraries raise what they like
                    name = Path(segment["source"]).name
                    yield {"failure": f"the voice {name} cannot be loaded: {error}"}, b""
                    return
        if request["ask"] == "load":
            # What is there now stays there: a collection in a child would copy the pages it looks at.
            gc.freeze()
            yield {}, b""
            return
        yield from self._in_a_child(request)

    def _in_a_child(self, request: dict[str, Any]) -> Iterator[Answer]:
        # One that came when there was no child any more is not for this one.
        signal.sigtimedwait({signal.SIGUSR1}, 0)
        read_end, write_end = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(read_end)
            self._speak_and_end(request, write_end)
        os.close(write_end)
        is_whole = False
        with os.fdopen(read_end, "rb") as pipe:
            answers = _answers(pipe)
            while answer := _next_unless_stopped(answers):
                is_whole = PART not in answer[0]
                yield answer
        child, self._child = self._child, None
        _, status = os.waitpid(child, 0)
        if not is_whole:
            yield {"failure": _how_it_ended(os.waitstatus_to_exitcode(status))}, b""

    def _end_child(self, *_: object) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)

    def _speak_and_end(self, request: dict[str, Any], write_end: int) -> None:
        """Speak in the child and end it; a signal ends it if it takes too long."""
        code = 1
        try:
            signal.alarm(LIMIT_S)
            with os.fdopen(write_end, "wb") as pipe:
                for head, samples in self._answer_or_failure(request):
                    _write(pipe, head, samples)
            code = 0
        finally:
            os._exit(code)

    def _answer_or_failure(self, request: dict[str, Any]) -> Iterator[Answer]:
        """Yield the answer, or the reason for a failure that can still be reported."""
        try:
            if request["ask"] == "unknown languages":
                yield {"languages": unknown_languages(request["languages"])}, b""
            else:
                yield from self._speak(request)
        except Exception as error:  # noqa: BLE001 - native libraries raise what they like
            yield {"failure": str(error) or type(error).__name__}, b""

    def _speak(self, request: dict[str, Any]) -> Iterator[Answer]:
        if self._is_too_long(request):
            yield {"too_long": True}, b""
            return
        remaining_s: float = request["limit_s"]
        for segment in request["segments"]:
            rate, samples = self._speak_segment(segment, remaining_s)
            remaining_s -= len(samples) / BYTES_PER_SAMPLE / rate
            if remaining_s < 0:
                yield {"too_long": True}, b""
                return
            yield {PART: (rate, len(samples))}, samples
        yield {"unread": self._unread}, b""

    def _is_too_long(self, request: dict[str, Any]) -> bool:
        """Return whether the phonemes of a text alone show that it would last too long."""
        longest_s: float = request["limit_s"]
        shortest_s = 0.0
        for segment in request["segments"]:
            voices = self._english.get(segment["engine"])
            if voices is None:
                continue
            longest_s = min(longest_s, voices.longest_s)
            shortest_s += most_phonemes(segment["text"]) * voices.shortest_phoneme_s / segment["speed"]
        if shortest_s <= longest_s:
            # Reading a page takes longer than speaking its first sentence.
            return False
        shortest_s = 0.0
        for segment in request["segments"]:
            voices = self._english.get(segment["engine"])
            if voices is None:
                continue
            with contextlib.suppress(Unreadable):  # what cannot be read is spoken by another voice
                shortest_s += voices.shortest_s(segment["text"], segment["source"], segment["speed"])
        return shortest_s > longest_s

    def _speak_segment(self, segment: dict[str, Any], limit_s: float) -> tuple[int, bytes]:
        neural = self._neural.get(segment["engine"])
        if neural is None:
            return self._speak_with_espeak(segment, segment["source"], limit_s)
        try:
            if isinstance(neural, EnglishVoices):
                rate, samples = neural.speak(
                    segment["text"], segment["source"], segment["speed"], segment["pitch"]
                )
            else:
                rate, samples = neural.speak(
                    segment["text"], segment["source"], segment["speed"] / segment["pitch"]
                )
                rate = _raised(rate, segment["pitch"])
        except Unreadable as error:
            self._unread.append(str(error))
        else:
            if samples or not segment["spare"]:
                return rate, samples
        return self._speak_with_espeak(segment, segment["spare"], limit_s)

    def _speak_with_espeak(self, segment: dict[str, Any], voice: str, limit_s: float) -> tuple[int, bytes]:
        rate = self._espeak.sample_rate
        limit_bytes = round(limit_s * rate) * BYTES_PER_SAMPLE
        speed = segment["speed"] / segment["pitch"]
        samples = self._espeak.speak(segment["text"], voice, speed, limit_bytes)
        if not any(samples) and (named := names(segment["text"])):
            samples = self._espeak.speak(named, NAMING_VOICE, speed, limit_bytes)
        return _raised(rate, segment["pitch"]), samples


def _next_unless_stopped(answers: Iterator[Answer]) -> Answer | None:
    """Return what a child says next, None at its end; the signal that ends it is heeded meanwhile."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
    try:
        return next(answers, None)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})


def _raised(rate: int, pitch: float) -> int:
    """Return the sample rate at which a sound that was spoken more slowly has its pace, and this pitch."""
    return rate if pitch == 1 else 50 * round(rate * pitch / 50)


def _write(pipe: BinaryIO, head: dict[str, Any], samples: bytes) -> None:
    pipe.write(json.dumps(head).encode() + b"\n" + samples)
    pipe.flush()


def _answers(pipe: BinaryIO) -> Iterator[Answer]:
    """Read the lines of a child and their samples; what breaks off in the middle is left out."""
    for line in pipe:
        if not line.endswith(b"\n"):
            return
        head = json.loads(line)
        length = head[PART][1] if PART in head else 0
        samples = pipe.read(length)
        if len(samples) < length:
            return
        yield head, samples


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGALRM:
        return f"it took more than {LIMIT_S} seconds"
    if code < 0:
        return f"the library crashed ({signal.Signals(-code).name})"
    return "the library ended the process"


if __name__ == "__main__":
    SpeakerProcess().serve(sys.stdin.buffer, sys.stdout.buffer)
