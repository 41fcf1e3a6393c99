"""The work of the client, written once for both transports: flows of steps, without input and output."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from soundloom_client.answers import (
    content_of,
    ids_in,
    job_in,
    missing_sound,
    refusal,
    skip_of,
    voices_of,
)
from soundloom_client.calls import Call, Emit, Flow, Pause, Read, Reply, Send
from soundloom_client.errors import (
    Refused,
    SoundloomError,
    StillRunning,
    StreamCut,
    UnexpectedAnswer,
    Unreachable,
)
from soundloom_client.events import EventReader, ServerEvent
from soundloom_client.models import Job, Options, Skip, Voice
from soundloom_client.retries import Retries
from soundloom_client.version import __version__

# A job is looked at more often at first: short sounds are there soon.
FIRST_LOOK_S: Final = 0.2
LONGEST_LOOK_S: Final = 2.0
USER_AGENT: Final = f"soundloom-client/{__version__}"
# Ranges count the bytes of the file, not those of a compressed answer.
PLAIN: Final = {"accept-encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Core:
    """A server, an account's token, and how to go about requests."""

    base: str
    token: str
    retries: Retries
    random: Callable[[], float]
    clock: Callable[[], float]
    new_key: Callable[[], str]

    def submit(
        self, prompt: str | None, options: Options, takes: int | None, key: str | None
    ) -> Flow[list[str]]:
        """Submit a request; return the ids of the jobs that it became."""
        asked = {"prompt": prompt, **options, "takes": takes}
        body = {name: value for name, value in asked.items() if value is not None}
        reply = yield from self._answered(self._keyed("generate", key, body))
        return ids_in(content_of(reply))

    def job(self, job_id: str) -> Flow[Job]:
        """Return a job as it is."""
        reply = yield from self._answered(self._get(f"job/{quote(job_id, safe='')}"))
        return job_in(reply.content)

    def result(self, job_id: str, timeout_s: float | None) -> Flow[Job]:
        """Wait until a job has a sound. Raises JobEnded, and StillRunning after `timeout_s`."""
        began, look_s = self.clock(), FIRST_LOOK_S
        while not (job := (yield from self.job(job_id))).has_ended:
            left_s = math.inf if timeout_s is None else began + timeout_s - self.clock()
            if left_s <= 0:
                raise StillRunning(f"The job is still {job.status} after {timeout_s:g} s")
            yield Pause(min(look_s, left_s))
            look_s = min(LONGEST_LOOK_S, look_s * 1.5)
        error = missing_sound(job)
        if error is not None:
            raise error
        return job

    def events(self, job_id: str) -> Flow[None]:
        """Emit a job now and after every change, until it has ended. A broken connection is made again."""
        reader, failures, told = EventReader(), 0, None
        while True:
            seen = {"last-event-id": reader.last_id} if reader.last_id else {}
            call = self._get(f"job/{quote(job_id, safe='')}/events", is_streamed=True, headers=seen)
            reply = yield from self._answered(call)
            if reply.status == 204:
                return
            broken: SoundloomError = Unreachable("The server ended the stream of events")
            reader.begin_anew()
            try:
                while piece := (yield Read()):
                    for job in map(_job_of_event, reader.feed(piece)):
                        # A new connection begins with what the last one may have told already.
                        if job != told:
                            failures, told = 0, job
                            yield Emit(job)
                        if job.has_ended:
                            return
            except Unreachable as error:
                broken = error
            wait_s = self.retries.wait_s(call, failures, broken, self.random)
            if wait_s is None:
                raise broken
            failures += 1
            yield Pause(wait_s)

    def stream(self, job_id: str, stream_format: str) -> Flow[None]:
        """Emit a job's sound while it is made. Raises StreamCut when the server makes it anew."""
        path, params = f"job/{quote(job_id, safe='')}/stream", {"format": stream_format}
        yield from self._streamed(self._get(path, is_streamed=True, is_patient=True, params=params))

    def speak_stream(self, body: Mapping[str, object], stream_format: str) -> Flow[None]:
        """Emit a text as it is spoken."""
        body = {**_said(body), "format": stream_format}
        call = Call(
            "POST", self._url("api/tts/stream"), self._headers(), body, is_safe=False, is_streamed=True
        )
        yield from self._streamed(call)

    def cancel(self, job_id: str) -> Flow[None]:
        """Take a job out of the queue, or out of its worker's hands."""
        path = f"api/queue/{quote(job_id, safe='')}"
        try:
            yield from self._answered(self._post(f"{path}/cancel"))
        except Refused as error:
            if error.code != "job_processing":
                raise
            yield from self._answered(self._post(f"{path}/stop"))

    def skip(self, job_id: str, key: str | None) -> Flow[Skip]:
        """Pay Aura to move a job to the front."""
        reply = yield from self._answered(self._keyed(f"api/queue/{quote(job_id, safe='')}/skip", key))
        return skip_of(content_of(reply))

    def speak(self, body: Mapping[str, object], key: str | None) -> Flow[Mapping[str, Any]]:
        """Have a text spoken; return what the server says of the sound."""
        reply = yield from self._answered(self._keyed("api/tts/generate", key, _said(body)))
        return content_of(reply)

    def voices(self) -> Flow[list[Voice]]:
        """List the voices."""
        return voices_of(content_of((yield from self._answered(self._get("api/voices")))))

    def download(self, url: str) -> Flow[None]:
        """Emit a file. After a broken connection it goes on where it was, if the file is still the same."""
        received, failures, tag = 0, 0, ""
        while True:
            onwards = {"range": f"bytes={received}-", "if-range": tag} if received else {}
            # Files ask for no account, and may lie on another host.
            headers = {"user-agent": USER_AGENT, **PLAIN, **onwards}
            call = Call("GET", urljoin(self.base, url), headers, is_streamed=True)
            reply = yield from self._answered(call)
            if received and reply.status != 206:
                raise UnexpectedAnswer("The file changed while it was fetched")
            tag = reply.headers.get("etag", "")
            try:
                while piece := (yield Read()):
                    received, failures = received + len(piece), 0
                    yield Emit(piece)
            except Unreachable as error:
                wait_s = self.retries.wait_s(call, failures, error, self.random)
                if wait_s is None or (received and not tag):
                    raise
                failures += 1
                yield Pause(wait_s)
            else:
                return

    def _streamed(self, call: Call) -> Flow[None]:
        """Emit the pieces of an answer that cannot be had twice."""
        yield from self._answered(call)
        try:
            while piece := (yield Read()):
                yield Emit(piece)
        except Unreachable as error:
            raise StreamCut("The stream ended before the sound did") from error

    def _answered(self, call: Call) -> Flow[Reply]:
        """Send a request, again where that is safe and may help; return the good answer."""
        for attempt in count():
            error: SoundloomError | None
            try:
                reply: Reply = yield Send(call)
            except Unreachable as unreachable:
                error = unreachable
            else:
                error = refusal(reply)
                if error is None:
                    return reply
            wait_s = self.retries.wait_s(call, attempt, error, self.random)
            if wait_s is None:
                raise error
            yield Pause(wait_s)
        raise AssertionError("unreachable: counting does not end")

    def _get(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        is_streamed: bool = False,
        is_patient: bool = False,
    ) -> Call:
        sent = {**self._headers(), **(PLAIN if is_streamed else {}), **(headers or {})}
        return Call(
            "GET", self._url(path), sent, params=params or {}, is_streamed=is_streamed, is_patient=is_patient
        )

    def _post(self, path: str) -> Call:
        return Call("POST", self._url(path), self._headers(), is_safe=False)

    def _keyed(self, path: str, key: str | None, body: Mapping[str, object] | None = None) -> Call:
        headers = {**self._headers(), "idempotency-key": self.new_key() if key is None else key}
        return Call("POST", self._url(path), headers, body)

    def _url(self, path: str) -> str:
        return urljoin(self.base, path)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "user-agent": USER_AGENT}


def base_of(address: str) -> str:
    """Return a server's address as the start of others. Raises ValueError for one that is none."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{address!r} is no address of a server, such as http://localhost:5309")
    return address.rstrip("/") + "/"


def _job_of_event(event: ServerEvent) -> Job:
    return job_in(event.data)


def _said(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}
