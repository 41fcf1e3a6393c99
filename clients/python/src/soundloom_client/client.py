"""The client that waits."""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, Unpack

import httpx

from soundloom_client.core import Core, base_of
from soundloom_client.files import File
from soundloom_client.models import AudioFormat, Job, Options, Skip, Sound, Speech, Voice
from soundloom_client.retries import Retries
from soundloom_client.sounds import sound_of, speech_of
from soundloom_client.surroundings import Surroundings
from soundloom_client.transports import Waiting


class JobHandle:
    """A job on the server. Every method asks the server anew."""

    def __init__(self, core: Core, transport: Waiting, job_id: str) -> None:
        self._core = core
        self._transport = transport
        self.id = job_id

    def status(self) -> Job:
        """Return the job as it is."""
        return self._transport.run(self._core.job(self.id))

    def events(self) -> Iterator[Job]:
        """Give the job now and after every change, until it has ended."""
        return self._transport.each(self._core.events(self.id))

    def result(self, timeout_s: float | None = None) -> Sound[File]:
        """Wait for the sound. Raises JobEnded if there is none, and StillRunning after `timeout_s`."""
        job = self._transport.run(self._core.result(self.id, timeout_s))
        return sound_of(job, self._file)

    def stream(self, stream_format: AudioFormat = "mp3") -> Iterator[bytes]:
        """Give the sound while it is made. Raises StreamCut when the server makes it anew."""
        return self._transport.each(self._core.stream(self.id, stream_format))

    def cancel(self) -> None:
        """Take the job out of the queue, or stop it where it is being made."""
        self._transport.run(self._core.cancel(self.id))

    def skip(self, *, idempotency_key: str | None = None) -> Skip:
        """Pay Aura to move the job to the front."""
        return self._transport.run(self._core.skip(self.id, idempotency_key))

    def _file(self, url: str) -> File:
        return File(self._core, self._transport, url)


class Soundloom:
    """A server, reached with the token of an account."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        retries: Retries | None = None,
        http: httpx.Client | None = None,
        sleep: Callable[[float], object] = time.sleep,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Raises ValueError for an address that is none.

        A client of httpx that is given here (for a proxy or certificates of your own) stays open.
        """
        own = surroundings or Surroundings()
        self._core = Core(base_of(address), token, retries or Retries(), own.random, own.clock, own.new_key)
        self._owned = http is None
        self._http = http or httpx.Client()
        self._transport = Waiting(self._http, sleep)

    def run(
        self, prompt: str | None = None, *, timeout_s: float | None = None, **options: Unpack[Options]
    ) -> Sound[File]:
        """Have a sound made and wait for it."""
        return self.submit(prompt, **options).result(timeout_s)

    def submit(
        self, prompt: str | None = None, *, idempotency_key: str | None = None, **options: Unpack[Options]
    ) -> JobHandle:
        """Submit a job. The same key and request within a day is the same job."""
        (job_id,) = self._transport.run(self._core.submit(prompt, options, None, idempotency_key))
        return self.job(job_id)

    def submit_takes(
        self,
        takes: int,
        prompt: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[Options],
    ) -> list[JobHandle]:
        """Submit so many jobs, with seeds of their own; they are accepted or refused together."""
        ids = self._transport.run(self._core.submit(prompt, options, takes, idempotency_key))
        return [self.job(job_id) for job_id in ids]

    def job(self, job_id: str) -> JobHandle:
        """Return the handle of a job that is known by its id."""
        return JobHandle(self._core, self._transport, job_id)

    def speak(
        self,
        text: str,
        *,
        voice: str | None = None,
        speed: float | None = None,
        idempotency_key: str | None = None,
    ) -> Speech[File]:
        """Have a text spoken and wait for it."""
        body = {"text": text, "voice": voice, "speed": speed}
        raw = self._transport.run(self._core.speak(body, idempotency_key))
        return speech_of(raw, self.file)

    def file(self, url: str) -> File:
        """Return a file by the address that the server gave it."""
        return File(self._core, self._transport, url)

    def speak_stream(
        self,
        text: str,
        *,
        voice: str | None = None,
        speed: float | None = None,
        stream_format: AudioFormat = "mp3",
    ) -> Iterator[bytes]:
        """Give a text as it is spoken."""
        body = {"text": text, "voice": voice, "speed": speed}
        return self._transport.each(self._core.speak_stream(body, stream_format))

    def voices(self) -> list[Voice]:
        """List the voices that can be spoken with now."""
        return self._transport.run(self._core.voices())

    def close(self) -> None:
        """Close the connections, but not those of a client that was given."""
        if self._owned:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
