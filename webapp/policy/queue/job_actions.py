"""The actions that an admin may take on a job, by its state."""

from dataclasses import dataclass
from typing import Final, Literal

from webapp.policy.queue.job_status import JobStatus

AdminAction = Literal["cancel", "restore", "stop", "retry", "move", "unmove"]
ADMIN_ACTIONS: Final[tuple[AdminAction, ...]] = ("move", "unmove", "cancel", "stop", "retry", "restore")
# The error of a job that an admin stopped, for its owner.
STOPPED: Final = "An admin stopped this job"
# Those that put a job back in line: they need room there.
PUT_BACK: Final[frozenset[AdminAction]] = frozenset({"restore", "retry"})


@dataclass(frozen=True, slots=True)
class Steered:
    """A job reduced to what decides what may be done to it.

    `is_front` says that it stands before all tiers, `is_moved` that an admin put it there, and
    `was_cancelled_by_admin` that its end was an admin's doing.
    """

    status: JobStatus
    is_front: bool = False
    is_moved: bool = False
    was_cancelled_by_admin: bool = False


def refusal(action: AdminAction, job: Steered) -> str | None:
    """Why an action cannot be taken, in words; None when it can."""
    match action:
        case "cancel" | "move" | "unmove" if job.status != "queued":
            return _not_waiting(job.status, {"cancel": "cancel"}.get(action, "move"))
        case "move" if job.is_front:
            return "Job is at the front already"
        case "unmove" if not job.is_moved:
            return "Nobody moved this job"
        case "stop" if job.status == "queued":
            return "Job is not being generated; cancel it instead"
        case "stop" if job.status != "processing":
            return "Job is not in queue"
        case "retry" if job.status != "failed":
            return "Only a failed job can be tried again"
        case "restore" if job.status != "cancelled" or not job.was_cancelled_by_admin:
            return "Only a job that an admin cancelled can be put back"
        case _:
            return None


def possible(job: Steered) -> tuple[AdminAction, ...]:
    """Return the actions that are possible on a job now."""
    return tuple(action for action in ADMIN_ACTIONS if refusal(action, job) is None)


def _not_waiting(status: JobStatus, verb: str) -> str:
    if status == "processing":
        return f"Cannot {verb} a job that is already processing"
    return "Job is not in queue"
