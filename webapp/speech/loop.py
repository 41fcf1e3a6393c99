"""The speech worker's loop: claim, speak, write; keep the lease; stop."""

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from webapp.database.patience import PASSING, Outage, until_there
from webapp.engines.speech.base import Refused
from webapp.engines.speech.engine import SpeechEngine
from webapp.policy.speech import STATUS_MODEL
from webapp.services.container import Services
from webapp.services.speech import SpeechClaim
from webapp.services.workers.heartbeat import Heartbeat
from webapp.services.workers.metrics import WorkerMetrics
from webapp.services.workers.workers import WorkerState
from webapp.speech.attempt import SpeechAttempt
from webapp.speech.making import SpeechMaker, voice_views
from webapp.stopping import first_of

logger = logging.getLogger(__name__)

DEVICE: Final = "cpu"
# What a report tells of voices that cannot speak.
MOST_REFUSED: Final = 20
MOST_SHOWN: Final = 120


class SpeechProcessor:
    """Speaks requests one after the other until told to stop."""

    def __init__(
        self,
        services: Services,
        engine: SpeechEngine,
        worker_id: str,
        *,
        host: str,
        pid: int,
        metrics: WorkerMetrics,
    ) -> None:
        self._services = services
        self._metrics = metrics
        self._leases = services.speech.leases
        self._settings = services.settings
        self._engine = engine
        self._maker = SpeechMaker(
            engine,
            target_lufs=services.settings.target_lufs,
            marks_prompts=services.settings.mark_prompts,
        )
        self._worker_id, self._host, self._pid = worker_id, host, pid
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speech")
        self._current: SpeechClaim | None = None
        self._attempt: SpeechAttempt | None = None
        self._told_refused: tuple[Refused, ...] = ()
        self._claiming = Outage(logger, "work")

    def stop(self) -> None:
        """Take no more requests; finish the one in hand if that is quick, hand it back otherwise."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`. A request in hand is finished or handed back when this returns."""
        await until_there(self._join)
        try:
            beats = Heartbeat(self._beat, every_s=self._settings.heartbeat_s, log=logger)
            async with beats.beating():
                while not self._stopping.is_set():
                    claim = await self._claim()
                    if claim is not None:
                        await self._work(claim)
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)
            with contextlib.suppress(*PASSING):
                await self._services.workers.registry.remove(self._worker_id)

    async def _claim(self) -> SpeechClaim | None:
        """Take a request, or wait until there may be one."""
        voices = [voice.voice_id for voice in self._engine.voices]
        with self._services.bus.subscribe() as hints:
            claim = None
            with self._claiming:
                claim = await self._leases.claim(self._worker_id, voices)
            if claim is None:
                await first_of(hints.wait(self._settings.poll_s), self._stopping.wait())
        return claim

    async def _work(self, claim: SpeechClaim) -> None:
        self._current = claim
        wait_ms = self._services.clock.now_ms() - claim.submitted_ms
        self._metrics.claimed(claim.model, max(0, wait_ms) / 1000)
        self._attempt = SpeechAttempt(
            self._services,
            self._maker,
            claim,
            metrics=self._metrics,
            thread=self._thread,
            stopping=self._stopping,
        )
        try:
            await self._attempt.run()
        finally:
            self._current = self._attempt = None

    async def _beat(self) -> None:
        """Keep the lease, stay on the register, and notice voices that come and go."""
        attempt, claim = self._attempt, self._current
        kept = await self._leases.keep(self._worker_id, [claim] if claim else [])
        if attempt and claim and (claim.key, claim.fence) not in kept.held:
            attempt.lose()
        if not kept.is_registered:
            await self._enter()
        elif await asyncio.to_thread(self._engine.rescan):
            await self._say_what_there_is("idle")

    async def _join(self) -> None:
        """Enter the register for the first time, once the lease of a dead worker of this name has lapsed."""
        await self._services.workers.registry.join(
            self._worker_id, host=self._host, pid=self._pid, device=DEVICE, kind="speech"
        )
        await self._say_what_there_is("idle")

    async def _enter(self) -> None:
        await self._services.workers.registry.register(
            self._worker_id, host=self._host, pid=self._pid, device=DEVICE, kind="speech"
        )
        await self._say_what_there_is("idle")

    async def _say_what_there_is(self, state: WorkerState) -> None:
        self._log_refused()
        await self._services.models.voices.write(self._worker_id, voice_views(self._engine.voices))
        await self._services.workers.registry.record_report(self._worker_id, state, self._report())

    def _report(self) -> dict[str, Any]:
        entry = {
            "state": "ready",
            "engine": self._engine.engines[0],
            "label": self._engine.label,
            "checkpoint": "",
            "license": "",
            "max_duration_s": self._engine.longest_s,
        }
        refused = self._engine.refused[:MOST_REFUSED]
        return {
            "models": {STATUS_MODEL: entry},
            "refused_voices": [{"name": shown_name(one.name), "reason": one.reason} for one in refused],
        }

    def _log_refused(self) -> None:
        refused = self._engine.refused
        for one in refused:
            if one not in self._told_refused:
                logger.warning("the voice %s cannot speak: %s", shown_name(one.name), one.reason)
        self._told_refused = refused


def shown_name(name: str) -> str:
    """A file's name as text, whatever bytes it is of."""
    return name.encode(errors="backslashreplace").decode()[:MOST_SHOWN]
