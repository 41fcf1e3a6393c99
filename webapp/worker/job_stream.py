"""Lets a job's sound be heard while it is made: beside the engine's thread, and never in its way."""

import asyncio
import logging
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final

from webapp.audio.waveform import Waveform
from webapp.database.patience import PASSING, Outage
from webapp.errors import LeaseLost
from webapp.events import Event
from webapp.events.bus import Subscription
from webapp.policy.queue.live_sound import StreamFormat, formats_of, piece_name
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.worker.live_take import LiveTake

logger = logging.getLogger(__name__)

# Hints may be lost; this is how late a listener is heard of then.
POLL_S: Final = 1.0
RETRY_S: Final = 0.5
# A sound that is done waits no longer for those who listen to how it was made.
LAST_PIECES_S: Final = 5.0


class JobStream:
    """Follows one attempt. What goes wrong here concerns those who listen, and never the job.

    Chunks come from the engine's thread, which only passes them on. Levelling and encoding run in `thread`,
    and only for formats that somebody asked for; pieces go to the storage in order.
    """

    def __init__(self, services: Services, claim: Claim, thread: Executor) -> None:
        self._runs = services.listening.runs
        self._store = services.listening.store
        self._bus = services.bus
        self._target_lufs = services.settings.target_lufs
        self._claim = claim
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._take = self._new_take()
        self._is_announced = False
        self._is_lost = False
        # How many takes of this job were thrown away before; None until it is known.
        self._discarded_takes: int | None = None
        self._formats: tuple[StreamFormat, ...] = ()
        # A piece that is not stored yet.
        self._unsent: tuple[str, bytes] | None = None

    def heard(self, chunk: Waveform) -> None:
        """Take the next chunk of the present take; called from the engine's thread."""
        with suppress(RuntimeError):  # The loop has ended, and nobody listens.
            self._loop.call_soon_threadsafe(self._add, self._take, chunk)

    def generated(self, waveform: Waveform) -> None:
        """Take the end of the present take, and all of it from an engine that hands over no chunks."""
        if self._take.is_empty:
            self._take.add(waveform)
        self._take.end()
        self._wake()

    async def discard(self, reason: str) -> None:
        """Forget what was heard so far: it is not what the sound will be. Raises LeaseLost."""
        takes: int | None = None
        while takes is None:
            try:
                takes = await self._runs.discard_take(self._claim, reason)
            except PASSING:
                # Those who listen must learn of it before they hear the next take.
                await asyncio.sleep(RETRY_S)
        self._take, self._discarded_takes = self._new_take(), takes
        self._is_announced, self._unsent = False, None

    async def run(self) -> None:
        """Pass on what is heard, until cancelled."""
        outage = Outage(logger, "the stream of a sound")
        with self._bus.subscribe() as hints:
            asking = asyncio.create_task(self._ask(hints, outage))
            try:
                while not self._is_lost:
                    self._news.clear()
                    try:
                        await self._pass_on()
                    except (*PASSING, OSError) as error:
                        outage.begun(error)
                        await asyncio.sleep(RETRY_S)
                        continue
                    outage.over()
                    if not self._news.is_set():
                        self._is_idle.set()
                    await self._news.wait()
            except Exception:
                logger.exception("a sound cannot be streamed", extra={"job": self._claim.job_id})
            finally:
                self._is_lost = True
                self._is_idle.set()
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def drained(self) -> None:
        """Return once everything that was asked for is stored, or after a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_PIECES_S):
                await self._is_idle.wait()

    def _new_take(self) -> LiveTake:
        return LiveTake(self._claim.duration_s, target_lufs=self._target_lufs)

    def _add(self, take: LiveTake, chunk: Waveform) -> None:
        take.add(chunk)
        self._wake()

    def _wake(self) -> None:
        if not self._is_lost:
            self._is_idle.clear()
            self._news.set()

    async def _ask(self, hints: Subscription, outage: Outage) -> None:
        """Learn in which formats somebody listens, at once and whenever there may be another."""
        own = Event("job", self._claim.job_id)
        while True:
            with outage:
                state = await self._runs.state(self._claim)
                formats, is_first = formats_of(state.formats), self._discarded_takes is None
                if is_first:
                    self._discarded_takes = state.discarded_takes
                if is_first or formats != self._formats:
                    self._formats = formats
                    self._wake()
            deadline_s = self._loop.time() + POLL_S
            while (left_s := deadline_s - self._loop.time()) > 0:
                if own in await hints.wait(left_s):
                    break

    async def _pass_on(self) -> None:
        """Announce and store what there is; formats take turns. Raises what the storage raises."""
        if self._take.is_empty or self._discarded_takes is None:
            return
        if not self._is_announced:
            await self._announce()
        was_news = True
        while was_news and not self._is_lost:
            was_news = False
            for stream_format in self._formats:
                was_news |= await self._pass_on_piece(stream_format)

    async def _announce(self) -> None:
        take = self._take
        try:
            await self._runs.can_be_heard(self._claim)
        except LeaseLost:
            self._is_lost = True
        self._is_announced = take is self._take

    async def _pass_on_piece(self, stream_format: StreamFormat) -> bool:
        """Store the next piece in a format; return whether there was one."""
        take, takes = self._take, self._discarded_takes or 0
        if self._unsent is None:
            made = await self._loop.run_in_executor(self._thread, take.next_piece, stream_format)
            if made is None or take is not self._take:
                return False
            index, piece = made
            self._unsent = piece_name(takes, stream_format, index), piece.packed()
        await self._store.put(self._claim.storage_key, *self._unsent)
        self._unsent = None
        self._bus.publish(Event("job", self._claim.job_id))
        return True
