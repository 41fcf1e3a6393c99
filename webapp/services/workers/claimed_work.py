"""Carries out claimed work.

The result is published and recorded, or the claim handed back, whatever happens.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from webapp import tracing
from webapp.database.patience import Outage, retry_delay_s
from webapp.errors import LeaseLost, StorageAway
from webapp.services.container import Services
from webapp.services.library.sounds import SoundFacts
from webapp.services.shared.leases import Lease
from webapp.services.workers.metrics import Outcome, WorkerMetrics
from webapp.stopping import first_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_WRITE_S: Final = 0.25
# After the grace period: the time for a cancelled engine to react.
CANCEL_S: Final = 2.0


class Unfinished(Exception):
    """Raised when the worker stops and the work did not end in time."""


class SoundClaim(Lease, Protocol):
    """A claim whose result is a sound."""

    @property
    def storage_key(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def submitted_ms(self) -> int: ...


class ClaimedWork(ABC):
    """One claim, from its beginning to its end: completed, failed, handed back, or lost to another worker."""

    # What is claimed, in the words of the log.
    noun: str
    # The level of failures whose reason is known.
    explained_level = logging.WARNING

    def __init__(
        self, services: Services, claim: SoundClaim, *, metrics: WorkerMetrics, stopping: asyncio.Event
    ) -> None:
        """`stopping` is set when the worker is to stop."""
        self._services = services
        self._metrics = metrics
        self._held = claim
        self._stopping = stopping

    @abstractmethod
    async def make(self, staged: Path) -> SoundFacts:
        """Generate the sound and write its files into a folder.

        Raises Unfinished if there is no time left.
        """

    @abstractmethod
    async def complete(self, facts: SoundFacts) -> None:
        """Record the finished sound. Raises LeaseLost."""

    @abstractmethod
    async def fail(self, error: Exception) -> bool:
        """Write that the attempt failed; return whether there will be another. Raises LeaseLost."""

    @abstractmethod
    async def hand_back(self) -> bool:
        """Write that another worker may have it, which is always so. Raises LeaseLost."""

    def may_wait_for_storage(self) -> bool:
        """Return whether the claim may still be ours; asked again and again while the storage is away."""
        return True

    def is_explained(self, error: Exception) -> bool:
        """Return whether a failure needs no traceback: its reason is known, or logged already."""
        return False

    def is_stopped_by_us(self, error: Exception) -> bool:
        """Return whether the attempt ended because this worker ended it."""
        return isinstance(error, Unfinished)

    async def run(self) -> None:
        """Work on the claim until it is finished, failed, handed back, or another worker's."""
        outcome: Outcome = "lost"
        failure: Exception | None = None
        try:
            await self._produce()
            outcome = "completed"
        except LeaseLost:
            logger.warning("%s lost to another worker, or ended meanwhile", self.noun, extra=self._extra)
            await self._remove_files()
        except Exception as error:
            if self.is_stopped_by_us(error):
                if await self._end(self.hand_back) is not None:
                    outcome = "handed_back"
                    logger.info("%s handed back", self.noun, extra=self._extra)
            else:
                facts = {**self._extra, "error": str(error)}
                if self.is_explained(error):
                    logger.log(self.explained_level, "attempt failed", extra=facts)
                else:
                    logger.error("attempt failed", extra=facts, exc_info=error)
                failure = error
                outcome = await self._fail(error)
        self._metrics.ended(self._held.model, outcome, failure)

    async def _fail(self, error: Exception) -> Outcome:
        again = await self._end(lambda: self.fail(error))
        return "lost" if again is None else "retried" if again else "failed"

    async def until_done(self, work: asyncio.Future[T], *, cancel: Callable[[], object] | None = None) -> T:
        """Return the result; when asked to stop, within the grace period or not at all.

        `cancel` asks the work to end by itself once the grace period is over. Raises what the work raises,
        and Unfinished when it did not end in time.
        """
        await first_of(asyncio.shield(work), self._stopping.wait())
        if not work.done():
            await asyncio.wait([work], timeout=self._services.settings.stop_grace_s)
        if not work.done() and cancel is not None:
            cancel()
            await asyncio.wait([work], timeout=CANCEL_S)
        if not work.done():
            raise Unfinished
        return await work

    async def _produce(self) -> None:
        """Make the files, publish them, then make them visible."""
        storage = self._services.storage
        staged = storage.staging_folder()
        try:
            facts = await self.make(staged)
            with tracing.span("publish"):
                await self._publish(staged)
            with tracing.span("complete"):
                await self._persist(lambda: self.complete(facts))
            since_ms = self._services.clock.now_ms() - self._held.submitted_ms
            self._metrics.sounded(self._held.model, max(0, since_ms) / 1000)
            logger.info("%s completed", self.noun, extra={**self._extra, "score": facts.quality_score})
        finally:
            await storage.discard(staged)

    async def _publish(self, staged: Path) -> None:
        """Publish the files, again and again while the storage is away: the heartbeat keeps the lease.

        Raises LeaseLost when the claim is no longer ours, and Unfinished when this worker is to stop.
        """
        outage, failures = Outage(logger, "the storage"), 0
        while True:
            publishing = asyncio.ensure_future(self._services.storage.publish(self._held.storage_key, staged))
            try:
                await self.until_done(publishing)
            except StorageAway as error:
                outage.begun(error)
                self._metrics.storage_was_away()
                if not self.may_wait_for_storage():
                    raise LeaseLost(self._held.key) from error
                await first_of(asyncio.sleep(retry_delay_s(failures)), self._stopping.wait())
                failures += 1
                if self._stopping.is_set():
                    raise Unfinished from error
            else:
                outage.over()
                return
            finally:
                publishing.cancel()
                await asyncio.gather(publishing, return_exceptions=True)

    async def _end(self, write: Callable[[], Awaitable[bool]]) -> bool | None:
        """Write the end of the attempt and return its result; None if the claim held no longer."""
        try:
            return await self._persist(write)
        except LeaseLost:
            logger.info("%s ended by somebody else meanwhile", self.noun, extra=self._extra)
            return None

    async def _persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write the end, again and again while the database is away and the lease may still hold.

        Raises LeaseLost when it cannot hold any longer.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._services.settings.lease_s
        while loop.time() < deadline_s:
            try:
                return await write()
            except LeaseLost:
                raise
            except Exception:
                logger.exception("could not write an end; trying again", extra=self._extra)
                await asyncio.sleep(RETRY_WRITE_S)
        raise LeaseLost(self._held.key)

    async def _remove_files(self) -> None:
        try:
            await self._services.library.files.remove_unless_owned(self._held.storage_key)
        except Exception:
            logger.exception("left files for the next look for stray files", extra=self._extra)

    @property
    def _extra(self) -> dict[str, object]:
        return {self.noun: self._held.key}
