"""The contexts of the queue's templates: one dataclass for each."""

from dataclasses import dataclass
from typing import ClassVar

from webapp.pages.frame.chrome import Chrome
from webapp.pages.queue.charts import Charts
from webapp.pages.queue.filter import QueueFilter
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.job_actions import AdminAction
from webapp.policy.queue.job_status import JobStatus
from webapp.services.workers.workers import WorkerKind


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A line of the queue as one viewer sees it.

    `position` is None for jobs that have left the line. `prompt` and `owner` are None for other people's
    jobs, unless an admin looks; `actions` are an admin's. `skip_place` is where a skip takes an own job,
    `balance` what its owner has. `sure_start_ms` is the start where `expected_start` names it as one number,
    `starves_ms` the time from which no new job goes before it, where that is the reason for its place.
    `variation` is its letter, for those who see the prompt. `error` says why a job failed. `is_audible`: it
    is the viewer's own, and can be heard already.
    """

    job_id: str
    position: int | None
    status: JobStatus
    model: str
    duration_s: float
    tier: str
    created_ms: int
    progress_pct: int
    expected_start: str
    reason: str
    is_own: bool
    skip_place: int | None
    skip_cost: int
    prompt: str | None
    owner: str | None = None
    start: Start | None = None
    sure_start_ms: int | None = None
    starves_ms: int | None = None
    variation: str = ""
    actions: tuple[AdminAction, ...] = ()
    balance: int = 0
    is_audible: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of jobs, by state and by model (the models of waiting ones)."""

    processing: int
    waiting: int
    waiting_by_model: tuple[tuple[str, int], ...]
    is_paused: bool


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker as a viewer sees it: no host names and process ids for the public.

    `kind` tells what it makes; `serves` says what it has loaded, `gpu` its figures, both in words.
    `worker_id`, `place` (host and process) and `refused`, what it has and cannot use, are there for admins.
    """

    number: int
    device: str
    state: str
    state_text: str
    serves: str = ""
    gpu: str = ""
    memory_percent: float | None = None
    worker_id: str | None = None
    place: str = ""
    refused: tuple[str, ...] = ()
    kind: WorkerKind = "sound"


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model, the engine that serves it (`label`), and its jobs.

    `last_start` is when the last waiting job is expected to start, in the words of its row,
    with `sure_start_ms` as there; it is empty when that is not known. `is_pinned`, `error` and
    `memory_bytes` are told to admins. `needs_load`: there is something to load and unload.
    """

    name: str
    state: str
    label: str
    waiting: int
    processing: int
    last_start: str
    sure_start_ms: int | None = None
    is_pinned: bool = False
    error: str = ""
    memory_bytes: int = 0
    needs_load: bool = True


@dataclass(frozen=True, slots=True)
class OwnJobsFragment:
    """The viewer's own jobs among those of others, each with its place and the way to it."""

    template: ClassVar[str] = "queue/own_jobs.html"

    own: tuple[QueueRow, ...]


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The live queue. `can_steer` says that an admin looks."""

    template: ClassVar[str] = "queue/queue.html"

    chrome: Chrome
    rows: tuple[QueueRow, ...]
    own: tuple[QueueRow, ...]
    filter: QueueFilter
    counts: Counts
    charts: Charts
    models: tuple[ModelLine, ...]
    workers: tuple[WorkerLine, ...]
    can_steer: bool


@dataclass(frozen=True, slots=True)
class QueueRowFragment:
    """One line of the queue."""

    template: ClassVar[str] = "queue/row.html"

    row: QueueRow
    can_steer: bool = False


@dataclass(frozen=True, slots=True)
class QueueRowsFragment:
    """The lines of the queue in order; without any, why there is none."""

    template: ClassVar[str] = "queue/rows.html"

    rows: tuple[QueueRow, ...]
    filter: QueueFilter
    can_steer: bool = False


@dataclass(frozen=True, slots=True)
class QueueCountsFragment:
    """The numbers above the queue, and whether it is paused."""

    template: ClassVar[str] = "queue/counts.html"

    counts: Counts
    can_steer: bool = False


@dataclass(frozen=True, slots=True)
class QueueChartsFragment:
    """The last hour."""

    template: ClassVar[str] = "queue/charts.html"

    charts: Charts


@dataclass(frozen=True, slots=True)
class QueueModelsFragment:
    """The models and what waits for them."""

    template: ClassVar[str] = "queue/models.html"

    models: tuple[ModelLine, ...]
    can_steer: bool = False


@dataclass(frozen=True, slots=True)
class WorkersFragment:
    """The workers and what they do."""

    template: ClassVar[str] = "workers/workers.html"

    workers: tuple[WorkerLine, ...]
    can_steer: bool = False


@dataclass(frozen=True, slots=True)
class UndoToast:
    """The report of an action, and the action that undoes it, if one does."""

    template: ClassVar[str] = "frame/undo_toast.html"

    text: str
    undo: AdminAction | None
    job_ids: tuple[str, ...]
