"""The states of a job, and the named sets of them that code asks for.

A speech request goes through the same states, but for `cancelled`.
"""

from typing import Final, Literal

ActiveStatus = Literal["queued", "processing"]
UnsuccessfulStatus = Literal["failed", "cancelled"]
JobStatus = Literal[ActiveStatus, "completed", UnsuccessfulStatus]

# In the queue: waiting, or in a worker's hands.
ACTIVE: Final[tuple[ActiveStatus, ...]] = ("queued", "processing")
# Left the queue without a sound.
UNSUCCESSFUL: Final[tuple[UnsuccessfulStatus, ...]] = ("failed", "cancelled")
# Left the queue, either way.
TERMINAL: Final[tuple[JobStatus, ...]] = ("completed", *UNSUCCESSFUL)
