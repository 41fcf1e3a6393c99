"""A stop that was asked for comes, whatever hangs: a database that does not answer, a stuck loop."""

import os
import threading

# Below the 10 seconds within which a server or worker has to end.
CERTAIN_END_S = 9.5
EXIT_LATE = 75

_timers: list[threading.Timer] = []


def end_for_certain(after_s: float = CERTAIN_END_S) -> None:
    """End the process after this long if it has not ended by itself; further calls change nothing.

    Jobs in hand are safe: their lease lapses, and they go back in line.
    """
    if _timers:
        return
    timer = threading.Timer(after_s, os._exit, (EXIT_LATE,))
    timer.daemon = True
    _timers.append(timer)
    timer.start()
