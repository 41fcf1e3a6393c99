"""A stop that was asked for comes, whatever hangs: a database that does not answer, a stuck loop."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn

from webapp.errors import DatabaseUnusable, SettingsError

logger = logging.getLogger(__name__)

# Below the 10 seconds within which a server or worker has to end.
CERTAIN_END_S = 9.5
EXIT_LATE = 75
WRITE_OUT_S = 0.4

_timers: list[threading.Timer] = []


def run_process(work: Coroutine[Any, Any, None], failure: str) -> NoReturn:
    """Run a worker to its end and end its process: with 1, and `failure` in the log, if it fails.

    Threads that cannot be interrupted are not waited for; all else is written. Raises SettingsError and
    DatabaseUnusable.
    """
    code = 0
    try:
        asyncio.run(work)
    except (SettingsError, DatabaseUnusable):
        raise
    except asyncio.CancelledError:
        logger.info("stopped before the start was over")
    except Exception:
        logger.exception(failure)
        code = 1
    end_now(code)


def end_now(code: int) -> NoReturn:
    """End the process without waiting for its threads; what it had to say is written if that is quick."""
    # In a thread, since a reader that stopped may hold up whoever writes to it.
    writing = threading.Thread(target=_write_out, daemon=True)
    writing.start()
    writing.join(WRITE_OUT_S)
    os._exit(code)


def _write_out() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def end_for_certain(after_s: float = CERTAIN_END_S) -> None:
    """End the process after this long if it has not ended by itself; further calls change nothing.

    Jobs in hand are safe: their lease lapses, and they go back in line.
    """
    if _timers:
        return
    timer = threading.Timer(after_s, end_now, (EXIT_LATE,))
    timer.daemon = True
    _timers.append(timer)
    timer.start()


class StopRequests:
    """Stops a worker on a signal or at the end of its parent.

    Until it has something to finish, it just ends: its start may be waiting for a database for ever. To be
    made in the worker's main task.
    """

    def __init__(self, *, exit_with_parent: bool) -> None:
        task = asyncio.current_task()
        self._act: Callable[[], object] = task.cancel if task is not None else lambda: None
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, self._stop)
        if exit_with_parent:
            when_parent_is_gone(lambda: loop.call_soon_threadsafe(self._stop))

    def from_now_on(self, act: Callable[[], object]) -> None:
        """Do this instead."""
        self._act = act

    def _stop(self) -> None:
        end_for_certain()
        self._act()


def when_parent_is_gone(act: Callable[[], object]) -> None:
    """Act, from a thread, when standard input ends: a pipe from the process that started this one."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        # Should the loop be stuck, the timer that `act` starts would not start.
        end_for_certain()
        act()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


async def first_of(*awaitables: Awaitable[object]) -> None:
    """Wait until one of these is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
