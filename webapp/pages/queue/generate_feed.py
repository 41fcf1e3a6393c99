"""The feed of the start page: the cards of its own jobs, and the state of the models."""

import textwrap
from contextlib import suppress
from typing import Final

from markupsafe import escape

from webapp.clock import Clock
from webapp.errors import NotFound
from webapp.events import Bus, Event, account_changed
from webapp.pages.frame.answers import LIBRARY_CHANGED
from webapp.pages.frame.live import RENDERING_MS, Fragment, list_fragment
from webapp.pages.frame.partials import ANNOUNCER
from webapp.pages.frame.rendering import Renderer
from webapp.pages.frame.texts import N_, Texts
from webapp.pages.models.cards import model_cards
from webapp.pages.queue.generate import recent_jobs
from webapp.pages.queue.generate_contexts import JobListFragment, ModelStateFragment, TakesFragment
from webapp.pages.queue.variations import card_of, group_card, in_groups
from webapp.policy.queue.job_status import ACTIVE
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.services.queue.facade import QueueServices
from webapp.services.queue.views import JobView
from webapp.services.workers.facade import WorkerServices

QUEUE_MOVED: Final = "queue-moved"
MOST_ACTIVE: Final = 100
ANY_ACCOUNT: Final = Event("account")
SPOKEN_CHARACTERS: Final = 80
SPOKEN: Final = Texts({"completed": N_("Finished"), "failed": N_("Failed"), "cancelled": N_("Cancelled")})


class GenerateFeed:
    """The jobs of one account, as one page of theirs knows them.

    A finished sound's card is large and changes no more, so cards of jobs that ended before `since_ms`,
    the time of the state that the page shows, are not sent again.
    """

    def __init__(
        self,
        clock: Clock,
        bus: Bus,
        accounts: AccountServices,
        queue: QueueServices,
        workers: WorkerServices,
        renderer: Renderer,
        identity: Identity,
        since_ms: int,
    ) -> None:
        self._clock = clock
        self._bus = bus
        self._accounts = accounts
        self._queue = queue
        self._workers = workers
        self._renderer = renderer
        self._identity = identity
        self._since_ms = since_ms - RENDERING_MS
        self._account_changed = account_changed(identity.account_id)
        self._read_ms = self._since_ms
        self._active: set[str] | None = None
        self._balance = 0
        self._seen: set[str] = set()
        self._models_may_differ = True
        self._signals: set[str] = set()

    def note(self, event: Event) -> bool:
        """Places move with the queue; of single jobs and of sounds, only the account's own matter."""
        self._models_may_differ |= event.topic == "status"
        if event.topic == "queue":
            self._signals.add(QUEUE_MOVED)
        if event.topic in {"library", "account"}:
            is_own = event in {self._account_changed, ANY_ACCOUNT}
            if is_own:
                self._signals.add(LIBRARY_CHANGED)
            return is_own
        return event.topic != "job" or event.job_id is None or event.job_id in (self._active or ())

    def take_signals(self) -> tuple[str, ...]:
        """Has the form ask again what its job would meet, for only the page knows what is in it.

        What was done to sounds elsewhere has the list ask: cards of finished jobs are told only once.
        """
        signals, self._signals = self._signals, set()
        return tuple(sorted(signals))

    async def fragments(self) -> list[Fragment]:
        """Cards that may have changed; the whole list when jobs came."""
        active = await self._queue.jobs.of_account(
            self._identity.account_id, statuses=ACTIVE, limit=MOST_ACTIVE
        )
        self._balance = await self._accounts.aura.balance(self._identity.account_id)
        known, self._active = self._active, {job.job_id for job in active}
        came = await self._came()
        fragments = await self._model_states() if self._models_may_differ else []
        if known is None:
            if self._bus.has_heard(self._account_changed, self._since_ms):
                self._signals.add(LIBRARY_CHANGED)
            return fragments + await self._since_page_load()
        if came:
            fragments.append(self._list(await recent_jobs(self._queue, self._identity)))
        for job_id in known - self._active:
            with suppress(NotFound):  # gone with its account
                job = await self._queue.jobs.get(self._identity, job_id)
                fragments += [self._card(job), _spoken(job)]
        return fragments + [self._card(job) for job in active]

    async def _came(self) -> bool:
        """Return whether there are jobs that were not there before; one may have come and ended since."""
        before_ms, self._read_ms = self._read_ms, self._clock.now_ms()
        fresh = await self._queue.jobs.of_account(
            self._identity.account_id, since_ms=before_ms - RENDERING_MS, limit=MOST_ACTIVE
        )
        # One that came after the active ones were read is watched from now on as well.
        self._active = (self._active or set()) | {job.job_id for job in fresh if job.status in ACTIVE}
        seen, self._seen = self._seen, {job.job_id for job in fresh} | self._active
        return not self._seen <= seen

    async def _since_page_load(self) -> list[Fragment]:
        jobs = await recent_jobs(self._queue, self._identity)
        if any(job.created_ms >= self._since_ms for job in jobs):
            return [self._list(jobs)]
        return [self._card(job) for job in jobs if (job.finished_ms or self._since_ms) >= self._since_ms]

    async def _model_states(self) -> list[Fragment]:
        self._models_may_differ = False
        tier = self._queue.tiers[self._identity.tier]
        report = await self._workers.status.report()
        return [
            Fragment(f"model-{model.name}-state", self._renderer.render(ModelStateFragment(model)))
            for model in model_cards(report, tier.max_duration_s)
        ]

    def _card(self, job: JobView) -> Fragment:
        return Fragment(f"job-{job.job_id}", self._renderer.render(card_of(job, self._balance)))

    def _list(self, jobs: tuple[JobView, ...]) -> Fragment:
        empty = "" if jobs else self._renderer.render(JobListFragment((), self._balance))
        cards = [self._group(group) for group in in_groups(jobs)]
        return list_fragment("job-list", cards, when_empty=empty)

    def _group(self, jobs: tuple[JobView, ...]) -> Fragment:
        card = group_card(jobs, self._balance)
        element_id = card.takes_id if isinstance(card, TakesFragment) else f"job-{jobs[0].job_id}"
        return Fragment(element_id, self._renderer.render(card))


def _spoken(job: JobView) -> Fragment:
    prompt = textwrap.shorten(job.prompt, SPOKEN_CHARACTERS, placeholder="…")
    return Fragment(
        ANNOUNCER, str(escape(f"{SPOKEN.get(job.status, 'Changed')}: {prompt}")), swap="innerHTML"
    )
