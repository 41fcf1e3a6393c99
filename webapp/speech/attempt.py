"""One claimed text in a speech worker's hands."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from webapp.engines.speech.base import NothingToSpeak, SpeechTooLong
from webapp.services.container import Services
from webapp.services.library.sounds import SoundFacts
from webapp.services.speech import SpeechClaim, SpeechNews
from webapp.services.workers.claimed_work import ClaimedWork
from webapp.services.workers.metrics import WorkerMetrics
from webapp.speech.backing import FILE, BackingFile, BackingGone
from webapp.speech.making import SpeechMaker
from webapp.speech.reporting import SpeechReporter


class SpeechAttempt(ClaimedWork):
    """Has a text spoken, publishes its files, and writes how it ended."""

    noun = "request"
    explained_level = logging.DEBUG

    def __init__(
        self,
        services: Services,
        maker: SpeechMaker,
        claim: SpeechClaim,
        *,
        metrics: WorkerMetrics,
        thread: ThreadPoolExecutor,
        stopping: asyncio.Event,
    ) -> None:
        super().__init__(services, claim, metrics=metrics, stopping=stopping)
        self._leases = services.speech.leases
        self._maker = maker
        self._claim = claim
        self._thread = thread
        self._reporter: SpeechReporter | None = None

    async def make(self, staged: Path) -> SoundFacts:
        """Speak in the thread, and tell meanwhile what is spoken."""
        if not self._claim.options.over:
            return await self._make(staged, None)
        backing = await self._leases.backing(self._claim)
        if backing is None:
            raise BackingGone("its row is gone")
        try:
            async with self._services.storage.local_file(backing.storage_key, FILE) as path:
                ducking_db = self._claim.options.ducking_db
                return await self._make(staged, BackingFile(path, backing.license, ducking_db))
        except FileNotFoundError as error:
            raise BackingGone("its file is gone") from error

    async def _make(self, staged: Path, backing: BackingFile | None) -> SoundFacts:
        loop = asyncio.get_running_loop()
        reporter = self._reporter = SpeechReporter(self._claim, self._record)
        reporting = asyncio.create_task(reporter.run())
        making = loop.run_in_executor(
            self._thread, self._maker.make, self._claim, staged, reporter.report, backing
        )
        try:
            facts = await self.until_done(making, cancel=reporter.lose)
            reporter.finish()
            await reporting
            return facts
        finally:
            reporter.lose()
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)

    def lose(self) -> None:
        """Stop speaking: the claim is no longer ours."""
        if self._reporter is not None:
            self._reporter.lose()

    async def _record(self, news: SpeechNews) -> None:
        await self._persist(lambda: self._leases.record_progress(self._claim, news))

    async def complete(self, facts: SoundFacts) -> None:
        """Make the sound visible."""
        await self._leases.complete(self._claim, facts)

    async def fail(self, error: Exception) -> bool:
        """End the request; whoever asked learns the reason where it is the text."""
        await self._leases.fail(self._claim, _refusal(error))
        return False

    async def hand_back(self) -> bool:
        """Let another worker speak the text."""
        await self._leases.hand_back(self._claim)
        return True

    def is_explained(self, error: Exception) -> bool:
        """Return whether the text is the reason, which whoever asked is told."""
        return bool(_refusal(error))


def _refusal(error: Exception) -> str:
    return error.user_message if isinstance(error, NothingToSpeak | SpeechTooLong | BackingGone) else ""
