"""The server's background work: repairs at the start, lapsed leases, missed changes."""

import asyncio
import logging
from collections.abc import Callable

from webapp.database.patience import Outage
from webapp.events import Event
from webapp.services.container import Services
from webapp.services.shared.storage_mark import is_sweep_due, make_sweep_due
from webapp.services.shared.tallies import FOLD_EVERY_S, fold

logger = logging.getLogger(__name__)

SWEEP_S = 1.0
FORGET_S = 60.0
LOOK_S = 0.25
TIDY_S = 60.0
STRAYS_EVERY_MS = 6 * 3_600_000


async def repair(services: Services) -> None:
    """Put right what a crash may have left, and say what was done."""
    jobs = await services.queue.leases.take_back_lapsed()
    # The storage is looked through beside the requests, which need not wait for it: that takes longer, the
    # more sounds there are. A folder is looked through after every start.
    if not services.settings.storage_url:
        await make_sweep_due(services.database)
    staged = await services.storage.sweep_staging()
    if jobs or staged:
        logger.warning(
            "repaired after a crash", extra={"jobs_back_in_line": len(jobs), "unfinished_removed": staged}
        )


async def remove_strays(services: Services) -> int:
    """Delete files that no sound owns; returns how many groups."""
    strays, unknown = await services.library.files.remove_strays()
    if unknown:
        logger.warning(
            "the storage has sounds that the database does not know; they are left alone",
            extra={"sounds": unknown},
        )
    return strays


async def tidy(services: Services) -> None:
    """Delete the files that crashes on any host have left, for ever.

    Those of deletions and imports are known by rows, and one server of all takes care of them. All others
    take a look through the whole storage, which one takes from time to time. Each host's staging is its own.
    """
    outage = Outage(logger, "the look for stray files")
    while True:
        with outage:
            removed = 0
            if await services.shared.duties.is_ours("loose files", every_s=TIDY_S):
                removed += await services.library.files.remove_loose()
            if await services.shared.duties.is_ours("old hits", every_s=TIDY_S):
                await services.shared.rate_limits.prune()
            if await services.shared.duties.is_ours("old uploads", every_s=TIDY_S):
                await services.library.uploads.remove_expired()
            if await services.shared.duties.is_ours("stream pieces", every_s=TIDY_S):
                await services.listening.leftovers.remove()
            if await is_sweep_due(services.database, services.clock, every_ms=STRAYS_EVERY_MS):
                removed += await _swept(services)
            await services.storage.sweep_staging()
            if removed:
                logger.warning("removed files without a sound", extra={"groups": removed})
        await asyncio.sleep(TIDY_S)


async def _swept(services: Services) -> int:
    try:
        return await remove_strays(services)
    except BaseException:
        await make_sweep_due(services.database)
        raise


async def sweep(services: Services, lapsed: Callable[[int], object]) -> None:
    """Put jobs whose lease has lapsed back in line, for ever; `lapsed` is called with how many each time.

    Of many servers, one does it at a time.
    """
    loop = asyncio.get_running_loop()
    outage = Outage(logger, "the look for lapsed leases")
    forgotten_s = loop.time()
    while True:
        await asyncio.sleep(SWEEP_S)
        with outage:
            if await services.shared.duties.is_ours("lapsed leases", every_s=SWEEP_S):
                lapsed(await _take_back(services))
            if await services.shared.duties.is_ours("tallies", every_s=FOLD_EVERY_S):
                await fold(services.database)
            if loop.time() - forgotten_s > FORGET_S:
                forgotten_s = loop.time()
                if await services.shared.duties.is_ours("silent workers", every_s=FORGET_S):
                    await services.workers.registry.forget_silent()
                await services.database.keep_reserve()


async def _take_back(services: Services) -> int:
    """Put jobs and texts whose lease has lapsed back in line; return how many."""
    jobs = await services.queue.leases.take_back_lapsed()
    jobs += await services.speech.leases.take_back_lapsed()
    if await services.queue.clock_steps.settle():
        logger.warning("the clock was set back; waiting jobs keep to their tiers' times from now")
    if jobs:
        logger.warning("leases lapsed; jobs are back in line", extra={"jobs": ",".join(jobs)})
    return len(jobs)


async def notice_changes(services: Services) -> None:
    """Tell this process of commits by others whose hint was lost, for ever.

    On SQLite the file's own counter says that there was one; elsewhere the queue's version does.
    """
    seen = None
    outage = Outage(logger, "the look for changes")
    while True:
        await asyncio.sleep(LOOK_S)
        with outage:
            version = await services.queue.reader.change_counter()
            if seen is not None and version != seen:
                services.bus.deliver(Event("queue"), Event("status"))
            seen = version
