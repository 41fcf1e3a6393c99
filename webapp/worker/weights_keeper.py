"""Carries out what admins ask for models' weights on this host, in a process of its own for each.

Of the workers that share a models folder one does this; when it ends, the next one takes over. The work is
that of `soundloom models pull` and `remove`: a download must not slow a generation down, nor end with it.
"""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from webapp.database.patience import Outage
from webapp.errors import Conflict
from webapp.events import Bus
from webapp.services.models.downloads import CopyState
from webapp.services.models.weights_register import WeightsRegister, Wish
from webapp.weights.catalogue import WEIGHTS_LICENCE
from webapp.weights.inventory import installed_names
from webapp.weights.locking import locked

logger = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-m", "webapp")
NICENESS: Final = 10
# How often the folder is looked at, and is said to have a worker.
LOOK_S: Final = 5.0
# How often what was asked for is looked at without a hint, and how often progress is written.
STEP_S: Final = 1.0
END_S: Final = 2.0
# A speed that was told longer ago than this is none.
STALE_S: Final = 5.0
UNEXPECTED: Final = "The download ended unexpectedly; what has arrived is kept"


class WeightsKeeper:
    """Looks after one models folder until cancelled; a download in hand is then left to the next keeper."""

    def __init__(
        self,
        register: WeightsRegister,
        models_dir: Path,
        bus: Bus,
        *,
        command: Sequence[str] = COMMAND,
        environment: Mapping[str, str] | None = None,
        look_s: float = LOOK_S,
    ) -> None:
        self._register = register
        self._models_dir = models_dir
        self._bus = bus
        self._command = command
        self._environment = environment
        self._look_s = look_s
        self._installed: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Keep until cancelled. Whatever fails is tried again."""
        async with self._only_one(), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report())
            tasks.create_task(self._serve())

    @contextlib.asynccontextmanager
    async def _only_one(self) -> AsyncIterator[None]:
        """Wait until no other worker looks after the folder, and then hold it."""
        with contextlib.ExitStack() as held:
            while True:
                try:
                    held.enter_context(locked(self._models_dir, "keeper"))
                except Conflict:
                    await asyncio.sleep(self._look_s)
                    continue
                except OSError:
                    # A folder that cannot be written can still be read, by any number.
                    logger.warning("models folder cannot be written", exc_info=True)
                break
            yield

    async def _report(self) -> None:
        """Say, again and again, that the folder has a worker, and what is in it."""
        outage = Outage(logger, "the report of the models folder")
        while True:
            with outage:
                await self._say()
            await asyncio.sleep(self._look_s)

    async def _say(self) -> frozenset[str]:
        installed, free_bytes = await asyncio.to_thread(self._look)
        await self._register.seen(free_bytes, installed)
        if installed != self._installed:
            self._installed = installed
            logger.info(
                "published weights are here; not for commercial use" if installed else "no weights are here",
                extra={"checkpoints": ",".join(sorted(installed)) or None, "licence": WEIGHTS_LICENCE},
            )
        return installed

    def _look(self) -> tuple[frozenset[str], int]:
        existing = next(folder for folder in (self._models_dir, *self._models_dir.parents) if folder.exists())
        return installed_names(self._models_dir), shutil.disk_usage(existing).free

    async def _serve(self) -> None:
        """Do what is asked for, one thing after the other."""
        is_resumed = False
        outage = Outage(logger, "what is asked for a model")
        with self._bus.subscribe() as hints:
            while True:
                has_done = False
                with outage:
                    if not is_resumed:
                        await self._register.resume()
                        is_resumed = True
                    wish = await self._register.next_wish()
                    if wish is not None:
                        await self._carry_out(wish)
                        has_done = True
                if not has_done:
                    await hints.wait(self._look_s)

    async def _carry_out(self, wish: Wish) -> None:
        logger.info("weights: beginning", extra={"action": wish.action, "checkpoint": wish.name})
        options = ("--yes",) if wish.action == "remove" else (
            "--accept-licence", "--accepted-by", wish.accepted_by, "--exit-with-parent"
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *self._command, "models", wish.action, wish.name, "--report", "json", *options,
            stdin=PIPE, stdout=PIPE, env=self._environment,
        )  # fmt: skip
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        try:
            state, error = await self._follow(process, wish)
        finally:
            await _end(process)
        installed = await self._say()
        if error and wish.name in installed:
            # What could not be removed is still there.
            state = "installed"
        elif wish.action == "remove" and not (self._models_dir / wish.name).exists():
            # A download that failed before anything arrived leaves nothing but its error.
            state, error = "absent", ""
        if state != "cancelled":
            # What was cancelled may be asked for again by now.
            await self._register.ended(wish.name, wish.action, state, error)
        logger.info("weights: ended", extra={"checkpoint": wish.name, "state": state, "error": error or None})

    async def _follow(self, process: Process, wish: Wish) -> tuple[CopyState, str]:
        """Pass on how far the process is, end it when it is no longer wanted; how it ended."""
        last: dict[str, Any] = {}
        loop = asyncio.get_running_loop()
        reading = asyncio.create_task(_read_lines(process, last))
        try:
            while not reading.done():
                await asyncio.wait([reading], timeout=STEP_S)
                if not await self._register.is_wanted(wish.name, wish.action):
                    return "cancelled", ""
                if last.get("total_bytes"):
                    is_stale = loop.time() - last["told_s"] > STALE_S
                    await self._register.progress(
                        wish.name,
                        done_bytes=last["done_bytes"],
                        total_bytes=last["total_bytes"],
                        bytes_per_s=0 if is_stale else last["bytes_per_s"],
                    )
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if last.get("state") in ("installed", "absent"):
            return last["state"], ""
        return "failed", last.get("error", UNEXPECTED)


async def _read_lines(process: Process, last: dict[str, Any]) -> None:
    """Keep the newest of the process's lines in `last` until there are no more."""
    assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
    loop = asyncio.get_running_loop()
    async for line in process.stdout:
        with contextlib.suppress(ValueError):
            last.clear()
            last.update(json.loads(line), told_s=loop.time())


async def _end(process: Process) -> None:
    """Make sure that a process has ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await process.wait()
                return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
