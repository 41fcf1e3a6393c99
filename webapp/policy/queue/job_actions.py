"""The actions on a job that its state allows.

Admins may take all of them; an owner may cancel and stop, by the same rules.
"""

from dataclasses import dataclass
from typing import Final, Literal

from webapp.policy.queue.job_status import JobStatus

AdminAction = Literal["cancel", "restore", "stop", "retry", "move", "unmove"]
ADMIN_ACTIONS: Final[tuple[AdminAction, ...]] = ("move", "unmove", "cancel", "stop", "retry", "restore")
# The error that the owner sees of a job that an admin stopped.
STOPPED_BY_ADMIN: Final = "An admin stopped this job"
# Those that put a job back into the queue, which needs capacity there.
PUT_BACK: Final[frozenset[AdminAction]] = frozenset({"restore", "retry"})


@dataclass(frozen=True, slots=True)
class JobState:
    """The facts about a job that decide which actions are possible.

    `is_front`: it goes before all tiers. `is_moved`: an admin moved it there.
    """

    status: JobStatus
    is_front: bool = False
    is_moved: bool = False
    was_cancelled_by_admin: bool = False


def refusal_reason(action: AdminAction, job: JobState) -> str | None:
    """Return why an action is not possible, as an error text; None if it is."""
    match action:
        case "cancel" | "move" | "unmove" if job.status != "queued":
            return not_waiting_reason(job.status, "cancel" if action == "cancel" else "move")
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


def possible_actions(job: JobState) -> tuple[AdminAction, ...]:
    """Return the actions that are possible on a job now."""
    return tuple(action for action in ADMIN_ACTIONS if refusal_reason(action, job) is None)


def not_waiting_code(status: JobStatus) -> str:
    """Return the code of the error that `not_waiting_reason` is the text of."""
    return "job_processing" if status == "processing" else "job_not_queued"


def not_waiting_reason(status: JobStatus, verb: str) -> str:
    """Return why an action on waiting jobs is not possible on one that is not waiting."""
    if status == "processing":
        return f"Cannot {verb} a job that is already processing"
    return "Job is not in queue"
