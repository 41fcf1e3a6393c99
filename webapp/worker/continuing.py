"""Reads the sound that a claimed job continues."""

import asyncio
import logging
from collections.abc import Callable

from webapp.audio.decode import read_beginning
from webapp.database.patience import Outage, retry_delay_s
from webapp.engines.base import EngineError
from webapp.engines.continuation import Continuation
from webapp.errors import StorageAway
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.services.sources.continued_sounds import SourceSound
from webapp.stopping import first_of

logger = logging.getLogger(__name__)


class SourceGone(EngineError):
    """The sound to continue was deleted; no further attempt will find it."""

    user_message = "The sound to continue was deleted"


class SourceReader:
    """Reads sounds from the storage. While that is away it is asked again and again."""

    def __init__(self, services: Services, *, may_wait: Callable[[], bool], stopping: asyncio.Event) -> None:
        """`may_wait` is asked before each further try, and none follows once `stopping` is set."""
        self._services = services
        self._may_wait = may_wait
        self._stopping = stopping

    async def read(self, claim: Claim) -> Continuation | None:
        """Return what a job continues; None for one that continues nothing.

        Raises SourceGone, and StorageAway if it may not wait any longer.
        """
        if claim.continues is None or claim.continues_from_s is None:
            return None
        source = await self._services.library.continued.find(claim.continues)
        if source is None:
            raise SourceGone
        outage, failures = Outage(logger, "the storage"), 0
        while True:
            try:
                continuation = await self._beginning(source, claim.continues_from_s)
            except FileNotFoundError as error:
                raise SourceGone from error
            except StorageAway as error:
                outage.begun(error)
                await first_of(asyncio.sleep(retry_delay_s(failures)), self._stopping.wait())
                failures += 1
                if self._stopping.is_set() or not self._may_wait():
                    raise
            else:
                outage.over()
                return continuation

    async def _beginning(self, source: SourceSound, until_s: float) -> Continuation:
        async with self._services.storage.local_file(source.storage_key, source.file_name) as path:
            head = await asyncio.to_thread(read_beginning, path, until_s)
        return Continuation(head, source.material, source.engine, source.prompt, source.model, source.seed)
