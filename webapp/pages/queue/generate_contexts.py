"""The contexts of the start page's templates: one dataclass for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.forms import OFFERED_TAKES
from webapp.pages.library.contexts import SoundCard
from webapp.pages.models.cards import ModelCard
from webapp.policy.generation import DEFAULT_DURATION_S, DEFAULT_MODEL, MAX_PROMPT_CHARACTERS
from webapp.services.queue.submissions import Quote
from webapp.services.queue.views import JobView

EXAMPLES: Final = (
    "slow piano over heavy rain",
    "solo flute in D, calm, by the sea",
    "128 BPM techno with a deep kick and hats",
    "crackling fire, wind in the trees, a few birds",
)
# Lengths to choose by one click, where the tier allows them.
PRESETS_S: Final = (5, 10, 30, 60, 120)
EMPTY_FORM: Final = {
    "prompt": "",
    "model": DEFAULT_MODEL,
    "duration": f"{DEFAULT_DURATION_S:g}",
    "takes": "1",
}


@dataclass(frozen=True, slots=True)
class QuoteView:
    """The quote for a job, or several `takes` of it, beside what its tier allows."""

    quote: Quote
    hourly: int
    at_once: int
    takes: int = 1


@dataclass(frozen=True, slots=True)
class ComposeForm:
    """The form that asks for a sound, with what was typed and what was wrong about it.

    `error_field` names the field that `error` is about, or is None when it is about none. `can_follow`: some
    model can follow a melody, or nobody knows yet.
    """

    quote: QuoteView
    models: tuple[ModelCard, ...]
    max_duration_s: float
    fields: Mapping[str, str] = field(default_factory=lambda: EMPTY_FORM)
    error: str | None = None
    error_field: str | None = None
    examples: tuple[str, ...] = EXAMPLES
    usual_duration: str = EMPTY_FORM["duration"]
    max_prompt: int = MAX_PROMPT_CHARACTERS
    takes: tuple[str, ...] = OFFERED_TAKES
    can_follow: bool = True

    @property
    def presets(self) -> tuple[str, ...]:
        """The usual lengths in seconds that the account may ask for."""
        return tuple(str(length_s) for length_s in PRESETS_S if length_s <= self.max_duration_s)


@dataclass(frozen=True, slots=True)
class GeneratePage:
    """The start page of whoever is signed in; `is_set_up_now` greets a new server's admin."""

    template: ClassVar[str] = "queue/generate.html"

    chrome: Chrome
    form: ComposeForm
    groups: tuple[tuple[JobView, ...], ...]
    balance: int
    is_set_up_now: bool = False


@dataclass(frozen=True, slots=True)
class WelcomePage:
    """The start page of everybody else; `cards` are sounds that people made here.

    `needs_admin`: nobody has set the server up yet.
    """

    template: ClassVar[str] = "queue/welcome.html"

    chrome: Chrome
    is_registration_open: bool
    models: tuple[ModelCard, ...]
    cards: tuple[SoundCard, ...] = ()
    examples: tuple[str, ...] = EXAMPLES
    needs_admin: bool = False


@dataclass(frozen=True, slots=True)
class ComposeFragment:
    """The form alone."""

    template: ClassVar[str] = "queue/compose.html"

    form: ComposeForm


@dataclass(frozen=True, slots=True)
class QuoteFragment:
    """The quote for the job in the form."""

    template: ClassVar[str] = "queue/quote.html"

    quote: QuoteView


@dataclass(frozen=True, slots=True)
class ModelStateFragment:
    """A model's state, and the engine that serves it."""

    template: ClassVar[str] = "models/state.html"

    model: ModelCard


@dataclass(frozen=True, slots=True)
class JobFragment:
    """One job's card."""

    template: ClassVar[str] = "queue/job_card.html"

    job: JobView
    balance: int


@dataclass(frozen=True, slots=True)
class RunAgainToast:
    """The report that an own job has ended without a sound, and the way to run it again from `place`."""

    template: ClassVar[str] = "queue/run_again_toast.html"

    text: str
    job_id: str
    place: str


@dataclass(frozen=True, slots=True)
class TakeFragment:
    """One job's part of the card of several variations."""

    template: ClassVar[str] = "queue/take_card.html"

    job: JobView
    balance: int


@dataclass(frozen=True, slots=True)
class TakesFragment:
    """The card of several variations that were asked for at once."""

    template: ClassVar[str] = "queue/takes_card.html"

    takes: tuple[JobView, ...]
    balance: int

    @property
    def takes_id(self) -> str:
        """Return the id of the card's element."""
        return f"takes-{self.takes[0].variation_of}"


@dataclass(frozen=True, slots=True)
class JobListFragment:
    """The cards of an account's recent jobs, newest first, those of one request on one card."""

    template: ClassVar[str] = "queue/job_list.html"

    groups: tuple[tuple[JobView, ...], ...]
    balance: int
