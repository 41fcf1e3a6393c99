"""Following one job: until it has ended, or change by change."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Request

from webapp.api.queue.schemas import job_status
from webapp.errors import LimitReached, NotFound
from webapp.events import Bus, Event
from webapp.http.dependencies import Streams
from webapp.http.streams.sse import ServerEvent
from webapp.http.streams.welcome import Welcome
from webapp.services.accounts.identity import Identity
from webapp.services.queue.facade import QueueServices
from webapp.services.queue.views import JobView

# Hints may be lost; this is how late a change is seen then.
POLL_S: Final = 1.0
# Changes that come in a burst are told as one.
COALESCE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Follower:
    """Who waits for a job, on which connection, and for how long they are let in."""

    request: Request[Any, Any, Any]
    bus: Bus
    queue: QueueServices
    streams: Streams
    identity: Identity
    address: str
    welcome: Welcome

    async def held(self, job_id: str, wait_s: float) -> JobView | None:
        """The job as soon as it has ended, `wait_s` have passed, the client has left or the server stops.

        None at once where the account or address holds as many connections as it may, where whoever waits
        is shut out meanwhile, and where the job was deleted: to wait is a wish, not a condition.
        """
        try:
            release = await self.streams.caps.hold(self.identity.account_id, self.address)
        except LimitReached:
            return None
        try:
            return await self.waited(job_id, wait_s)
        finally:
            release()

    async def waited(self, job_id: str, wait_s: float) -> JobView | None:
        """The same for whoever holds a connection already."""
        try:
            await self._until_ended(job_id, wait_s)
            if not await self.welcome.holds():
                return None
            return await self.queue.jobs.get(self.identity, job_id)
        except NotFound:
            return None

    async def _until_ended(self, job_id: str, wait_s: float) -> None:
        ends = [
            asyncio.ensure_future(_ended(self.bus, self.queue, self.identity, job_id)),
            asyncio.ensure_future(self.streams.stop.wait()),
            asyncio.ensure_future(self.welcome.until_over()),
            asyncio.ensure_future(_left(self.request)),
        ]
        try:
            await asyncio.wait(ends, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)


async def job_events(
    bus: Bus, queue: QueueServices, identity: Identity, job_id: str
) -> AsyncGenerator[ServerEvent, None]:
    """The job now and after every change that shows, until it has ended or is there no more."""
    told = b""
    with bus.subscribe() as hints:
        while True:
            try:
                job = await queue.jobs.get(identity, job_id)
            except NotFound:
                return
            body = _event_body(job)
            if body != told:
                yield ServerEvent(body.decode(), name="job", event_id=_event_id(body))
                told = body
            if job.has_ended:
                return
            own, of_queue = Event("job", job_id), Event("queue")
            # What happens to others moves a waiting job, and nothing but its own news a running one.
            awaited = {own, of_queue} if job.status == "queued" else {own}
            if awaited & set(await hints.wait(POLL_S)):
                await asyncio.sleep(COALESCE_S)


def has_seen_the_end(job: JobView, last_event_id: str) -> bool:
    """Return whether a reader who reconnects has received the end of the job already."""
    return job.has_ended and last_event_id == _event_id(_event_body(job))


def _event_body(job: JobView) -> bytes:
    return msgspec.json.encode(job_status(job))


def _event_id(body: bytes) -> str:
    """The same for the same state of a job, from whichever process it comes."""
    return hashlib.sha256(body).hexdigest()[:16]


async def _ended(bus: Bus, queue: QueueServices, identity: Identity, job_id: str) -> None:
    with bus.subscribe() as hints:
        while not (await queue.jobs.get(identity, job_id)).has_ended:
            deadline = asyncio.get_running_loop().time() + POLL_S
            while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
                if Event("job", job_id) in await hints.wait(left_s):
                    break


async def _left(request: Request[Any, Any, Any]) -> None:
    """Wait until the client closes the connection; the body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
