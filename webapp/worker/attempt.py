"""One claimed job in a worker's hands, from the claim to its end, whatever that is."""

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from webapp.engines.base import CancelToken, EngineError, GenerationCancelled, ModelLoadError
from webapp.errors import LeaseLost, is_disk_full
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.services.views import SoundFacts
from webapp.stopping import first_of
from webapp.worker.making import Making, SoundMaker
from webapp.worker.progress import ProgressReporter

logger = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_WRITE_S = 0.25
# After the grace period: how long the engine gets to notice that it is to stop.
CANCEL_S = 2.0
UNEXPECTED = "Something went wrong while generating"
DISK_FULL = "The server has no disk space left"
NOT_WRITABLE = "The server cannot write to its data folder"


class _Unfinished(Exception):
    """The worker stops, and the engine did not end in time."""


class Attempt:
    """Generates a claimed job, publishes its files, and writes how it ended."""

    def __init__(
        self,
        services: Services,
        maker: SoundMaker,
        claim: Claim,
        *,
        stopping: asyncio.Event,
        changed: Callable[[], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stopping` is set when the worker is to stop; `changed` is called when `is_generating` changes.

        `now_s` is a clock that never goes back; `moved_s` is when the job last got anywhere.
        """
        self.claim = claim
        self.is_generating = True
        self.has_begun = False
        self.moved_s = now_s()
        self._now_s = now_s
        self._services = services
        self._leases = services.queue.leases
        self._settings = services.settings
        self._maker = maker
        self._stopping = stopping
        self._changed = changed
        self._cancel = CancelToken()

    def cancel(self) -> None:
        """Stop the engine, as when the job is no longer ours."""
        self._cancel.cancel()

    async def run(self) -> None:
        """Work on the job until it is finished, failed, handed back, or another's."""
        claim = self.claim
        logger.info("job started", extra={"job": claim.job_id, "model": claim.model, "fence": claim.fence})
        try:
            await self._make()
        except LeaseLost:
            logger.warning("job lost to another worker, or ended meanwhile", extra={"job": claim.job_id})
            await self._remove_files()
        except Exception as error:
            # A cancellation that nobody asked for is a failure like any other.
            if isinstance(error, _Unfinished) or (
                isinstance(error, GenerationCancelled) and self._cancel.cancelled
            ):
                await self._hand_back()
            else:
                # Why a model could not be loaded is in the log already, once for all jobs that wanted it.
                cause = None if isinstance(error, ModelLoadError) else error
                logger.error(
                    "attempt failed", extra={"job": claim.job_id, "error": str(error)}, exc_info=cause
                )
                await self._fail(plain_words(error))

    async def _make(self) -> None:
        """Generate, publish the files, then make them visible."""
        storage = self._services.storage
        staged = storage.staging_folder()
        reporter = ProgressReporter(self._leases, self.claim)
        reporting = asyncio.create_task(reporter.run())

        def tell(progress_pct: int) -> None:
            self.has_begun = True
            self.moved_s = self._now_s()
            reporter.tell(progress_pct)

        making = Making(self.claim, staged, tell, self._note_generating, self._cancel)
        work = asyncio.create_task(self._maker.make(making))
        try:
            facts = await self._until_done(work)
            await storage.publish(self.claim.storage_key, staged)
            await self._persist(lambda: self._leases.complete(self.claim, facts))
            logger.info("job completed", extra={"job": self.claim.job_id, "score": facts.quality_score})
        finally:
            work.cancel()
            reporting.cancel()
            await asyncio.gather(work, reporting, return_exceptions=True)
            await storage.discard(staged)

    def _note_generating(self, is_generating: bool) -> None:
        self.moved_s = self._now_s()
        self.is_generating = is_generating
        # A further take is in line again, behind whatever the engine is at now.
        self.has_begun = not is_generating
        self._changed()

    async def _until_done(self, work: asyncio.Task[SoundFacts]) -> SoundFacts:
        """The result; when asked to stop, within the grace period or not at all.

        Raises what the engine raises, and _Unfinished when it does not even notice that it is cancelled.
        """
        await first_of(asyncio.shield(work), self._stopping.wait())
        if not work.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_grace_s):
                    return await asyncio.shield(work)
            self._cancel.cancel()
            try:
                async with asyncio.timeout(CANCEL_S):
                    return await asyncio.shield(work)
            except TimeoutError as error:
                raise _Unfinished from error
        return await work

    async def _hand_back(self) -> None:
        logger.info("job handed back", extra={"job": self.claim.job_id})
        with contextlib.suppress(LeaseLost):
            await self._persist(lambda: self._leases.hand_back(self.claim))

    async def _fail(self, message: str) -> None:
        with contextlib.suppress(LeaseLost):
            again = await self._persist(lambda: self._leases.fail(self.claim, message))
            logger.warning(
                "job will be tried again" if again else "job failed", extra={"job": self.claim.job_id}
            )

    async def _remove_files(self) -> None:
        try:
            await self._services.library.files.remove_if_stray(self.claim.storage_key)
        except Exception:
            logger.exception("left files for the next start to remove", extra={"job": self.claim.job_id})

    async def _persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write the job's end, again and again while the database is away and the lease may still hold.

        Raises LeaseLost when it cannot hold any longer.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.lease_s
        while asyncio.get_running_loop().time() < deadline:
            try:
                return await write()
            except LeaseLost:
                raise
            except Exception:
                logger.exception(
                    "could not write the end of a job; trying again", extra={"job": self.claim.job_id}
                )
                await asyncio.sleep(RETRY_WRITE_S)
        raise LeaseLost(self.claim.job_id)


def plain_words(error: Exception) -> str:
    """What the owner of a job is told of a failure."""
    # An engine's own files may be what cannot be written.
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if is_disk_full(cause):
        return DISK_FULL
    if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NOT_WRITABLE
    if isinstance(error, EngineError):
        return error.user_message
    return UNEXPECTED
