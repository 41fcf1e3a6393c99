"""The speaker process: isolates native code, so that its crashes harm nothing else.

It has one thread and never speaks itself: for each request it forks a child that does, so that every text is
spoken by a library in its initial state, and a crash ends only the child. Requests are lines of JSON on
standard input; an answer is a line of JSON, followed by the samples that it announces.
"""

import contextlib
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

from webapp.engines.speech.english_readers import EnglishReaders
from webapp.engines.speech.english_voices import EnglishVoices, Unreadable
from webapp.engines.speech.espeak import Espeak
from webapp.engines.speech.hibari_voices import HibariVoices
from webapp.engines.speech.kokoro_voices import KokoroVoices
from webapp.engines.speech.piper_voices import PiperVoices, unknown_languages

# Far longer than the longest text takes on a busy machine.
LIMIT_S: Final = 60
BYTES_PER_SAMPLE: Final = 2

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

    def serve(self, requests: BinaryIO, answers: BinaryIO) -> None:
        for line in requests:
            head, samples = self._answer(json.loads(line))
            answers.write(json.dumps(head).encode() + b"\n" + samples)
            answers.flush()

    def _answer(self, request: dict[str, Any]) -> Answer:
        if request["ask"] == "voices":
            version, rate = self._espeak.version, self._espeak.sample_rate
            return {"version": version, "sample_rate": rate, "voices": self._espeak.voices()}, b""
        for segment in request.get("segments", ()):
            if segment["engine"] in self._neural:
                # Before the fork, so that a model is loaded once.
                try:
                    self._neural[segment["engine"]].load(segment["source"])
                except Exception as error:  # noqa: BLE001 - native libraries raise what they like
                    return {
                        "failure": f"the voice {Path(segment['source']).name} cannot be loaded: {error}"
                    }, b""
        if request["ask"] == "load":
            # What is there now stays there: a collection in a child would copy the pages it looks at.
            gc.freeze()
            return {}, b""
        return self._in_a_child(request)

    def _in_a_child(self, request: dict[str, Any]) -> Answer:
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            self._speak_and_end(request, write_end)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            head, _, samples = pipe.read().partition(b"\n")
        _, status = os.waitpid(child, 0)
        if status or not head:
            return {"failure": _how_it_ended(os.waitstatus_to_exitcode(status))}, b""
        return json.loads(head), samples

    def _speak_and_end(self, request: dict[str, Any], write_end: int) -> None:
        """Speak in the child and end it; a signal ends it if it takes too long."""
        code = 1
        try:
            signal.alarm(LIMIT_S)
            head, samples = self._answer_or_failure(request)
            with os.fdopen(write_end, "wb") as pipe:
                pipe.write(json.dumps(head).encode() + b"\n" + samples)
            code = 0
        finally:
            os._exit(code)

    def _answer_or_failure(self, request: dict[str, Any]) -> Answer:
        """Return the answer, or the reason for a failure that can still be reported."""
        try:
            if request["ask"] == "unknown languages":
                return {"languages": unknown_languages(request["languages"])}, b""
            return self._speak(request)
        except Exception as error:  # noqa: BLE001 - native libraries raise what they like
            return {"failure": str(error) or type(error).__name__}, b""

    def _speak(self, request: dict[str, Any]) -> Answer:
        if self._is_too_long(request):
            return {"too_long": True}, b""
        spoken: list[tuple[int, bytes]] = []
        remaining_s: float = request["limit_s"]
        for segment in request["segments"]:
            rate, samples = self._speak_segment(segment, request["speed"], remaining_s)
            spoken.append((rate, samples))
            remaining_s -= len(samples) / BYTES_PER_SAMPLE / rate
            if remaining_s < 0:
                return {"too_long": True}, b""
        parts = [(rate, len(samples)) for rate, samples in spoken]
        return {"parts": parts, "unread": self._unread}, b"".join(samples for _, samples in spoken)

    def _is_too_long(self, request: dict[str, Any]) -> bool:
        """Return whether the phonemes of a text alone show that it would last too long."""
        longest_s: float = request["limit_s"]
        shortest_s = 0.0
        for segment in request["segments"]:
            voices = self._english.get(segment["engine"])
            if voices is None:
                continue
            longest_s = min(longest_s, voices.longest_s)
            with contextlib.suppress(Unreadable):  # what cannot be read is spoken by another voice
                shortest_s += voices.shortest_s(segment["text"], segment["source"], request["speed"])
        return shortest_s > longest_s

    def _speak_segment(self, segment: dict[str, str], speed: float, limit_s: float) -> tuple[int, bytes]:
        neural = self._neural.get(segment["engine"])
        if neural is None:
            return self._speak_with_espeak(segment["text"], segment["source"], speed, limit_s)
        try:
            rate, samples = neural.speak(segment["text"], segment["source"], speed)
        except Unreadable as error:
            self._unread.append(str(error))
        else:
            if samples or not segment["spare"]:
                return rate, samples
        return self._speak_with_espeak(segment["text"], segment["spare"], speed, limit_s)

    def _speak_with_espeak(self, text: str, voice: str, speed: float, limit_s: float) -> tuple[int, bytes]:
        rate = self._espeak.sample_rate
        limit_bytes = round(limit_s * rate) * BYTES_PER_SAMPLE
        return rate, self._espeak.speak(text, voice, speed, limit_bytes)


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGALRM:
        return f"it took more than {LIMIT_S} seconds"
    if code < 0:
        return f"the library crashed ({signal.Signals(-code).name})"
    return "the library ended the process"


if __name__ == "__main__":
    SpeakerProcess().serve(sys.stdin.buffer, sys.stdout.buffer)
