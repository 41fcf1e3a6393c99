"""When a worker reports: often enough, early where there is news, and never in quick succession."""

import asyncio
import logging

import pytest

from webapp.services.workers import heartbeat
from webapp.services.workers.heartbeat import Heartbeat

logger = logging.getLogger(__name__)

LEAST_S = 0.05


class Beats:
    """Records beats; fails those whose number is named."""

    def __init__(self, *, failing: int | None = None) -> None:
        self.times_s: list[float] = []
        self._failing = failing
        self._arrived = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._arrived:
            self.times_s.append(asyncio.get_running_loop().time())
            self._arrived.notify_all()
        if len(self.times_s) == self._failing:
            raise RuntimeError("no")

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(20), self._arrived:
            await self._arrived.wait_for(lambda: len(self.times_s) >= count)


@pytest.fixture(autouse=True)
def _briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LEAST_S", LEAST_S)


async def test_news_is_reported_at_once_but_not_in_quick_succession() -> None:
    beats = Beats()
    beating = Heartbeat(beats, every_s=3600, log=logger)
    async with beating.beating():
        for count in (1, 2, 3):
            beating.report_soon()
            beating.report_soon()
            await beats.wait_for(count)
    gaps = [later - earlier for earlier, later in zip(beats.times_s, beats.times_s[1:], strict=False)]
    assert len(gaps) == 2, "however often news was announced"
    assert min(gaps) >= LEAST_S * 0.9


async def test_it_goes_on_without_news_and_after_a_failure() -> None:
    beats = Beats(failing=1)
    async with Heartbeat(beats, every_s=LEAST_S / 5, log=logger).beating():
        await beats.wait_for(3)


async def test_news_during_a_beat_is_not_forgotten() -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def beat() -> None:
        seen.append(len(seen))
        if len(seen) == 1:
            beating.report_soon()
        else:
            done.set()

    beating = Heartbeat(beat, every_s=3600, log=logger)
    async with beating.beating(), asyncio.timeout(20):
        beating.report_soon()
        await done.wait()
