"""The states of a job, and named sets of them.

A speech request has the same states except `cancelled`.
"""

from typing import Final, Literal

ActiveStatus = Literal["queued", "processing"]
UnsuccessfulStatus = Literal["failed", "cancelled"]
JobStatus = Literal[ActiveStatus, "completed", UnsuccessfulStatus]

# In the queue: waiting, or claimed by a worker.
ACTIVE: Final[tuple[ActiveStatus, ...]] = ("queued", "processing")
# Left the queue without a sound.
UNSUCCESSFUL: Final[tuple[UnsuccessfulStatus, ...]] = ("failed", "cancelled")
# Left the queue, either way.
TERMINAL: Final[tuple[JobStatus, ...]] = ("completed", *UNSUCCESSFUL)
