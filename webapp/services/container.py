"""Every service of one process, wired together once."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from webapp.clock import Clock, SystemClock
from webapp.database import Database, engine_from, migrate
from webapp.events import Bus, PostgresBus, SocketBus, SocketHub
from webapp.ids import Ids, RandomIds
from webapp.services.account_deletion import AccountDeletion
from webapp.services.accounts import Accounts
from webapp.services.administration import Administration, build_administration
from webapp.services.aura import Aura
from webapp.services.capacity import StorageGuard
from webapp.services.downloads import Downloads
from webapp.services.estimates import Estimator
from webapp.services.idempotency import Idempotency
from webapp.services.jobs import Jobs
from webapp.services.leases import Leases
from webapp.services.library import Library, build_library
from webapp.services.misses import Misses
from webapp.services.pace import Pace
from webapp.services.passwords import PasswordHasher
from webapp.services.queue import QueueReader
from webapp.services.queue_history import QueueHistory
from webapp.services.sessions import Sessions
from webapp.services.setup_links import SetupLinks
from webapp.services.shared_clock import shared_clock
from webapp.services.skip_payments import SkipPayments
from webapp.services.sounds import Sounds
from webapp.services.speech import Speech
from webapp.services.status import StatusReporter
from webapp.services.submissions import Submissions
from webapp.services.throttle import Throttle
from webapp.services.tokens import Tokens
from webapp.services.turns import Turns
from webapp.services.usage import UsageReader
from webapp.services.worker_control import WorkerControl
from webapp.services.workers import Workers
from webapp.settings import Settings
from webapp.storage import LocalStorage, Storage

MIGRATION_LOCK = "migrate.lock"
SEARCH_WINDOW_S = 60
PRIVATE = 0o077


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers, workers and commands are given."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    bus: Bus
    storage: Storage
    throttle: Throttle
    misses: Misses
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
    worker_control: WorkerControl
    estimator: Estimator
    queue: QueueReader
    queue_history: QueueHistory
    administration: Administration
    submissions: Submissions
    leases: Leases
    jobs: Jobs
    sounds: Sounds
    speech: Speech
    library: Library
    status: StatusReporter
    downloads: Downloads


def build_services(
    settings: Settings, database: Database, bus: Bus, storage: Storage, clock: Clock, ids: Ids
) -> Services:
    """Wire the services over an open database."""
    throttle = Throttle(database, clock)
    accounts = Accounts(database, clock, settings, throttle, PasswordHasher())
    aura = Aura(database, clock)
    payments = SkipPayments(database, aura)
    workers = Workers(database, clock, settings, bus)
    estimator = Estimator(database, clock, workers)
    turns = Turns(database, settings)
    queue = QueueReader(database, clock, estimator, turns)
    usage = UsageReader(database, clock, settings)
    guard = StorageGuard(database, settings, storage)
    submissions = Submissions(
        database, clock, ids, settings, bus, estimator=estimator, storage_guard=guard, usage=usage
    )
    leases = Leases(database, clock, settings, bus, payments, turns)
    speech = Speech(
        database, clock, ids, settings, bus, storage=storage, storage_guard=guard, throttle=throttle
    )
    jobs = Jobs(
        database, clock, settings, bus,
        queue=queue, submissions=submissions, payments=payments, throttle=throttle,
    )  # fmt: skip
    library = build_library(
        database, clock, ids, settings, bus, storage=storage, storage_guard=guard, throttle=throttle
    )
    return Services(
        settings=settings, clock=clock, ids=ids, database=database, bus=bus, storage=storage,
        throttle=throttle, accounts=accounts, aura=aura, usage=usage, workers=workers, estimator=estimator,
        queue=queue, submissions=submissions, leases=leases, jobs=jobs, speech=speech, library=library,
        account_deletion=AccountDeletion(database, accounts, storage, bus),
        misses=Misses(throttle, settings),
        searches=Pace(clock, settings.searches_per_address, SEARCH_WINDOW_S, "Rate limit exceeded"),
        idempotency=Idempotency(database, clock),
        tokens=Tokens(database, clock, ids),
        sessions=Sessions(database, clock, ids),
        setup_links=SetupLinks(database, clock, ids, accounts),
        worker_control=WorkerControl(database, bus),
        queue_history=QueueHistory(database, clock),
        administration=build_administration(
            database, clock, ids, settings, bus, accounts=accounts, moderation=library.moderation
        ),
        sounds=Sounds(database, storage, leases, speech.leases),
        status=StatusReporter(database, clock, workers=workers, queue=queue, estimator=estimator),
        downloads=Downloads(database, clock, settings, bus),
    )  # fmt: skip


def make_data_folder(settings: Settings) -> None:
    """Make the data folder if need be, and keep it and all that this process writes to its own user."""
    os.umask(PRIVATE)
    settings.data_path.mkdir(parents=True, exist_ok=True)
    settings.data_path.chmod(0o700)


@asynccontextmanager
async def open_services(settings: Settings, *, owns_event_socket: bool = False) -> AsyncIterator[Services]:
    """Make the data folder, open and migrate the database, connect the event bus; close all at the end.

    `owns_event_socket` is for the one server of a data folder; everybody else connects to it.
    Raises SettingsError when the settings cannot be used.
    """
    make_data_folder(settings)
    database = Database(engine_from(settings))
    ids = RandomIds()
    await database.open()
    try:
        await migrate(database, settings.data_path / MIGRATION_LOCK)
        async with shared_clock(database, SystemClock()) as clock:
            bus = _bus(settings, ids, clock, owns_event_socket=owns_event_socket)
            await bus.start()
            try:
                yield build_services(settings, database, bus, LocalStorage(settings.data_path), clock, ids)
            finally:
                await bus.stop()
    finally:
        await database.close()


def _bus(settings: Settings, ids: Ids, clock: Clock, *, owns_event_socket: bool) -> Bus:
    if settings.database_url:
        return PostgresBus(settings.database_url, sender=ids.job_id(), clock=clock)
    return (SocketHub if owns_event_socket else SocketBus)(settings.data_path, clock)
