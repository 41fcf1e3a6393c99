"""What the templates about sounds and the queue receive: one dataclass for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from webapp.pages.chrome import Chrome
from webapp.pages.models import ModelCard
from webapp.policy.generation import DEFAULT_DURATION_S, DEFAULT_MODEL, MAX_PROMPT_CHARACTERS
from webapp.services.submissions import Quote
from webapp.services.views import JobStatus, JobView

EXAMPLES: Final = (
    "slow piano over heavy rain",
    "128 BPM techno with a deep kick and bright hats",
    "solo flute in D, calm, by the sea",
    "crackling fire, wind in the trees, a few birds",
)
EMPTY_FORM: Final = {"prompt": "", "model": DEFAULT_MODEL, "duration": f"{DEFAULT_DURATION_S:g}"}


@dataclass(frozen=True, slots=True)
class QuoteView:
    """What a job would meet, beside what the tier allows in an hour and at once."""

    quote: Quote
    hourly: int
    at_once: int


@dataclass(frozen=True, slots=True)
class ComposeForm:
    """The form that asks for a sound, with what was typed and what was wrong about it.

    `error_field` names the field that `error` is about, or is None when it is about none.
    """

    quote: QuoteView
    models: tuple[ModelCard, ...]
    max_duration_s: float
    fields: Mapping[str, str] = field(default_factory=lambda: EMPTY_FORM)
    error: str | None = None
    error_field: str | None = None
    examples: tuple[str, ...] = EXAMPLES
    max_prompt: int = MAX_PROMPT_CHARACTERS


@dataclass(frozen=True, slots=True)
class GeneratePage:
    """The start page of whoever is signed in."""

    template: ClassVar[str] = "generate.html"

    chrome: Chrome
    form: ComposeForm
    jobs: tuple[JobView, ...]


@dataclass(frozen=True, slots=True)
class WelcomePage:
    """The start page of everybody else."""

    template: ClassVar[str] = "welcome.html"

    chrome: Chrome
    is_registration_open: bool
    models: tuple[ModelCard, ...]
    examples: tuple[str, ...] = EXAMPLES


@dataclass(frozen=True, slots=True)
class ComposeFragment:
    """The form alone."""

    template: ClassVar[str] = "fragments/compose.html"

    form: ComposeForm


@dataclass(frozen=True, slots=True)
class QuoteFragment:
    """What the job in the form would meet."""

    template: ClassVar[str] = "fragments/quote.html"

    quote: QuoteView


@dataclass(frozen=True, slots=True)
class ModelStateFragment:
    """Whether a model is loaded, and what serves it."""

    template: ClassVar[str] = "fragments/model_state.html"

    model: ModelCard


@dataclass(frozen=True, slots=True)
class JobFragment:
    """One job's card."""

    template: ClassVar[str] = "fragments/job.html"

    job: JobView


@dataclass(frozen=True, slots=True)
class JobListFragment:
    """The cards of an account's recent jobs, newest first."""

    template: ClassVar[str] = "fragments/job_list.html"

    jobs: tuple[JobView, ...]


@dataclass(frozen=True, slots=True)
class QueueRowsFragment:
    """The lines of the queue in order."""

    template: ClassVar[str] = "fragments/queue_rows.html"

    rows: tuple["QueueRow", ...]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A line of the queue as one viewer sees it. `prompt` is None for other people's jobs."""

    job_id: str
    position: int
    status: JobStatus
    model: str
    duration_s: float
    tier: str
    created_ms: int
    progress_pct: int
    expected_start: str
    reason: str
    is_own: bool
    is_skipped: bool
    skip_cost: int
    prompt: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs there are, by state and by model (the models of waiting ones)."""

    processing: int
    waiting: int
    waiting_by_model: tuple[tuple[str, int], ...]
    is_paused: bool


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker, for the public: no host names, no process ids."""

    number: int
    device: str
    state: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The live queue."""

    template: ClassVar[str] = "queue.html"

    chrome: Chrome
    rows: tuple[QueueRow, ...]
    counts: Counts
    workers: tuple[WorkerLine, ...]


@dataclass(frozen=True, slots=True)
class QueueRowFragment:
    """One line of the queue."""

    template: ClassVar[str] = "fragments/queue_row.html"

    row: QueueRow


@dataclass(frozen=True, slots=True)
class QueueCountsFragment:
    """The numbers above the queue."""

    template: ClassVar[str] = "fragments/queue_counts.html"

    counts: Counts


@dataclass(frozen=True, slots=True)
class WorkersFragment:
    """The workers and what they do."""

    template: ClassVar[str] = "fragments/workers.html"

    workers: tuple[WorkerLine, ...]
