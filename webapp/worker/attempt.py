"""One claimed job in a worker's hands, from the claim to its end, whatever that is."""

import asyncio
import errno
import logging
import time
from collections.abc import Callable
from pathlib import Path

from webapp.audio.waveform import Waveform
from webapp.database.patience import retry_delay_s
from webapp.engines.base import CancelToken, EngineError, GenerationCancelled, ModelLoadError
from webapp.errors import LeaseLost, StorageAway, is_disk_full
from webapp.policy.library.sound_sources import SoundSource
from webapp.services.container import Services
from webapp.services.library.sounds import SoundFacts
from webapp.services.queue.leases import Claim
from webapp.services.workers.claimed_work import ClaimedWork
from webapp.services.workers.metrics import WorkerMetrics
from webapp.worker.continuing import SourceGone, SourceReader
from webapp.worker.job_stream import JobStream
from webapp.worker.making import Making, SoundMaker
from webapp.worker.melodies import read_melody

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong while generating"
DISK_FULL = "The server has no disk space left"
NOT_WRITABLE = "The server cannot write to its data folder"


class Attempt(ClaimedWork):
    """Generates a claimed job, publishes its files, and writes how it ended."""

    noun = "job"

    def __init__(
        self,
        services: Services,
        maker: SoundMaker,
        claim: Claim,
        *,
        metrics: WorkerMetrics,
        stopping: asyncio.Event,
        changed: Callable[[], None],
        progressed: Callable[[], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stopping` is set when the worker is to stop; `changed` is called when `is_generating` changes.

        `progressed` is called, in the event loop, when `progress_pct` has grown.
        `now_s` is a clock that never goes back; `moved_s` is when the job last got anywhere.
        """
        super().__init__(services, claim, metrics=metrics, stopping=stopping)
        self.claim = claim
        self.is_generating = True
        self.has_begun = False
        self.moved_s = now_s()
        self.progress_pct = 0
        self.reported_pct = 0
        self._progressed = progressed
        self._now_s = now_s
        self._leases = services.queue.leases
        self._maker = maker
        self._sources = SourceReader(services, may_wait=self.may_wait_for_storage, stopping=stopping)
        self._changed = changed
        self._cancel = CancelToken()

    @property
    def has_news(self) -> bool:
        """Return whether there is progress that was not reported yet."""
        return self.progress_pct > self.reported_pct

    def cancel(self) -> None:
        """Stop the engine, as when the job is no longer ours."""
        self._cancel.cancel()

    async def make(self, staged: Path) -> SoundFacts:
        """Generate into a folder."""
        claim = self.claim
        logger.info("job started", extra={"job": claim.job_id, "model": claim.model, "fence": claim.fence})
        loop = asyncio.get_running_loop()

        def report(progress_pct: int) -> None:
            """Take how far the job is; called from the engine's thread."""
            self.has_begun = True
            self.moved_s = self._now_s()
            loop.call_soon_threadsafe(self._take_progress, progress_pct)

        stream = JobStream(self._services, claim, self._maker.streaming)
        work = asyncio.create_task(self._make(staged, report, stream))
        listening = asyncio.create_task(stream.run())
        try:
            facts = await self.until_done(work, cancel=self._cancel.cancel)
            await stream.drained()
            return facts
        finally:
            for task in (work, listening):
                task.cancel()
            await asyncio.gather(work, listening, return_exceptions=True)

    async def _make(self, staged: Path, report: Callable[[int], None], stream: JobStream) -> SoundFacts:
        melody = await self._melody(self.claim.melody) if self.claim.melody else None
        continuation = await self._sources.read(self.claim)
        making = Making(
            self.claim, staged, report, self._set_generating, self._cancel, stream, melody, continuation
        )
        return await self._maker.make(making)

    async def _melody(self, source: SoundSource) -> Waveform:
        """Read the melody, again and again while the storage is away: the heartbeat keeps the lease."""
        failures = 0
        while True:
            try:
                return await read_melody(self._services.library.sources, source)
            except StorageAway as error:
                if not self.may_wait_for_storage():
                    raise LeaseLost(self.claim.key) from error
            await asyncio.sleep(retry_delay_s(failures))
            failures += 1

    async def complete(self, facts: SoundFacts) -> None:
        """Make the sound visible."""
        await self._leases.complete(self.claim, facts)

    async def fail(self, error: Exception) -> bool:
        """Count the attempt: the job is tried again or has failed."""
        again = await self._leases.fail(
            self.claim, plain_words(error), is_final=isinstance(error, SourceGone)
        )
        logger.warning("job will be tried again" if again else "job failed", extra={"job": self.claim.job_id})
        return again

    async def hand_back(self) -> bool:
        """Return the job to its position in the queue."""
        await self._leases.hand_back(self.claim)
        return True

    def may_wait_for_storage(self) -> bool:
        """Return whether the job is still ours. Meanwhile it is not the engine that stands still."""
        self.moved_s = self._now_s()
        return not self._cancel.cancelled

    def is_explained(self, error: Exception) -> bool:
        """Return whether the reason is known: a source is gone, or the log has why a model was not loaded."""
        return isinstance(error, ModelLoadError | SourceGone)

    def is_stopped_by_us(self, error: Exception) -> bool:
        """Return whether we stopped it; a cancellation that nobody asked for is a failure like any other."""
        is_cancelled = isinstance(error, GenerationCancelled) and self._cancel.cancelled
        return is_cancelled or super().is_stopped_by_us(error)

    def _take_progress(self, progress_pct: int) -> None:
        if progress_pct > self.progress_pct:
            self.progress_pct = progress_pct
            self._progressed()

    def _set_generating(self, is_generating: bool) -> None:
        self.moved_s = self._now_s()
        self.is_generating = is_generating
        # A further take waits again, behind whatever the engine is at now.
        self.has_begun = not is_generating
        self._changed()


def plain_words(error: Exception) -> str:
    """Say in plain words why a job failed, for its owner."""
    # An engine's own files may be what cannot be written.
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if is_disk_full(cause):
        return DISK_FULL
    if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NOT_WRITABLE
    if isinstance(error, EngineError):
        return error.user_message
    return UNEXPECTED
