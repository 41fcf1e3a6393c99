"""Every service of one process, wired together once."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from webapp.clock import Clock
from webapp.database import Database
from webapp.database.patience import until_there
from webapp.events import Bus
from webapp.ids import Ids
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import Aura
from webapp.services.accounts.deletion import AccountDeletion
from webapp.services.accounts.guessing_limits import GuessingLimits
from webapp.services.accounts.passwords import PasswordHasher
from webapp.services.accounts.sessions import Sessions
from webapp.services.accounts.setup_links import SetupLinks
from webapp.services.accounts.tokens import Tokens
from webapp.services.accounts.usage import UsageReader
from webapp.services.admin.administration import Administration, build_administration
from webapp.services.library import Library, build_library
from webapp.services.library.files import Sounds
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.models.downloads import Downloads
from webapp.services.opening import COMMAND_WAIT_S, Parts, opened
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.clock_steps import ClockSteps
from webapp.services.queue.estimates import Estimator
from webapp.services.queue.history import QueueHistory
from webapp.services.queue.jobs import Jobs
from webapp.services.queue.leases import Leases
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.queue.snapshot import QueueReader
from webapp.services.queue.stops import Stops
from webapp.services.queue.submissions import Submissions
from webapp.services.shared.idempotency import Idempotency
from webapp.services.shared.pace import Pace
from webapp.services.shared.rate_limits import RateLimits
from webapp.services.speech import Speech, SpeechWorkers
from webapp.services.workers.arrivals import Arrivals
from webapp.services.workers.control import WorkerControl
from webapp.services.workers.status import StatusReporter
from webapp.services.workers.workers import Workers
from webapp.settings import Settings
from webapp.storage import Storage

SEARCH_WINDOW_S = 60
PRIVATE = 0o077


@dataclass(frozen=True, slots=True)
class Services:
    """The services that handlers, workers and commands use."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    bus: Bus
    storage: Storage
    rate_limits: RateLimits
    guessing_limits: GuessingLimits
    searches: Pace
    idempotency: Idempotency
    accounts: Accounts
    account_deletion: AccountDeletion
    tokens: Tokens
    sessions: Sessions
    setup_links: SetupLinks
    aura: Aura
    usage: UsageReader
    workers: Workers
    arrivals: Arrivals
    worker_control: WorkerControl
    estimator: Estimator
    queue: QueueReader
    queue_history: QueueHistory
    administration: Administration
    submissions: Submissions
    leases: Leases
    clock_steps: ClockSteps
    jobs: Jobs
    stops: Stops
    sounds: Sounds
    speech: Speech
    library: Library
    status: StatusReporter
    downloads: Downloads


def build_services(
    settings: Settings, database: Database, bus: Bus, storage: Storage, clock: Clock, ids: Ids
) -> Services:
    """Wire the services over an open database."""
    rate_limits = RateLimits(database, clock)
    accounts = Accounts(database, clock, settings, rate_limits, PasswordHasher(), bus)
    aura = Aura(database, clock)
    payments = SkipPayments(database, aura)
    workers = Workers(database, clock, settings, bus)
    arrivals = Arrivals(workers)
    estimator = Estimator(database, clock, workers)
    affinities = AffinityStore(database, settings)
    queue = QueueReader(database, clock, estimator, affinities)
    usage = UsageReader(database, clock, settings)
    guard = StorageGuard(database, settings, storage)
    submissions = Submissions(
        database, clock, ids, settings, bus, estimator=estimator, storage_guard=guard, usage=usage
    )
    leases = Leases(database, clock, settings, bus, payments, affinities)
    speech = Speech(
        database, clock, ids, settings, SpeechWorkers(bus, arrivals),
        storage=storage, storage_guard=guard, rate_limits=rate_limits,
    )  # fmt: skip
    jobs = Jobs(
        database, clock, settings, bus,
        queue=queue, submissions=submissions, payments=payments, rate_limits=rate_limits,
    )  # fmt: skip
    library = build_library(
        database, clock, ids, settings, bus, storage=storage, storage_guard=guard, rate_limits=rate_limits
    )
    return Services(
        settings=settings, clock=clock, ids=ids, database=database, bus=bus, storage=storage,
        rate_limits=rate_limits, accounts=accounts, aura=aura, usage=usage, workers=workers, library=library,
        estimator=estimator, queue=queue, submissions=submissions, leases=leases, jobs=jobs, speech=speech,
        arrivals=arrivals, account_deletion=AccountDeletion(database, accounts, storage, bus),
        guessing_limits=GuessingLimits(rate_limits, settings), idempotency=Idempotency(database, clock),
        searches=Pace("searches", clock, settings.searches_per_address, SEARCH_WINDOW_S),
        tokens=Tokens(database, clock, ids, bus), sessions=Sessions(database, clock, ids, bus),
        worker_control=WorkerControl(database, bus), setup_links=SetupLinks(database, clock, ids, accounts),
        queue_history=QueueHistory(database, clock), sounds=Sounds(database, storage, leases, speech.leases),
        downloads=Downloads(database, clock, settings, bus),
        clock_steps=ClockSteps(database, clock, settings, bus),
        stops=Stops(database, clock, settings, bus, payments=payments, rate_limits=rate_limits),
        administration=build_administration(
            database, clock, ids, settings, bus,
            accounts=accounts, storage=storage, moderation=library.moderation,
        ),
        status=StatusReporter(
            database, clock, workers=workers, queue=queue, estimator=estimator, arrivals=arrivals),
    )  # fmt: skip


def make_data_folder(settings: Settings) -> None:
    """Make the data folder if need be, and keep it and all that this process writes to its own user."""
    os.umask(PRIVATE)
    settings.data_path.mkdir(parents=True, exist_ok=True)
    settings.data_path.chmod(0o700)


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    owns_event_socket: bool = False,
    begins_anew: bool = False,
    wait_s: float = COMMAND_WAIT_S,
) -> AsyncIterator[Services]:
    """Make the data folder, open and migrate the database, connect the event bus; close all at the end.

    `owns_event_socket` is for the one server of a data folder; everybody else connects to it. `begins_anew`:
    an empty database will do even where sounds are. A database that is away is waited for, for `wait_s`.
    Raises SettingsError when the settings cannot be used, DatabaseUnusable when the database must be put
    right first, and DatabaseAway or StorageFull when the wait was in vain.
    """
    make_data_folder(settings)

    async def attempt() -> tuple[AsyncExitStack, Parts]:
        opening = opened(settings, owns_event_socket=owns_event_socket, begins_anew=begins_anew)
        stack = AsyncExitStack()
        return stack, await stack.enter_async_context(opening)

    stack, parts = await until_there(attempt, for_s=wait_s)
    async with stack:
        yield build_services(settings, parts.database, parts.bus, parts.storage, parts.clock, parts.ids)
