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
from webapp.policy.accounts.tiers import tier_table
from webapp.services.accounts.facade import AccountServices, build_accounts
from webapp.services.admin.audit_log import AuditLog
from webapp.services.admin.facade import AdminServices, build_admin
from webapp.services.backup.facade import BackupServices
from webapp.services.library.facade import LibraryServices, build_library
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.listening.facade import ListeningServices, build_listening
from webapp.services.models.facade import ModelServices, build_models
from webapp.services.opening import COMMAND_WAIT_S, Parts, opened
from webapp.services.queue.facade import QueueServices, build_queue
from webapp.services.shared.facade import SharedServices, build_shared
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.loose_files import LooseGroups
from webapp.services.sources.sound_sources import SoundSources
from webapp.services.speech.facade import SpeechServices, build_speech
from webapp.services.workers.arrivals import Arrivals
from webapp.services.workers.facade import WorkerServices, build_workers
from webapp.services.workers.workers import Workers
from webapp.settings import Settings
from webapp.storage import Storage

PRIVATE = 0o077


@dataclass(frozen=True, slots=True)
class Services:
    """One façade for each domain, and what all of them stand on."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    bus: Bus
    storage: Storage
    accounts: AccountServices
    queue: QueueServices
    listening: ListeningServices
    library: LibraryServices
    speech: SpeechServices
    models: ModelServices
    workers: WorkerServices
    admin: AdminServices
    backup: BackupServices
    shared: SharedServices


def build_services(
    settings: Settings, database: Database, bus: Bus, storage: Storage, clock: Clock, ids: Ids
) -> Services:
    """Wire the services over an open database, each of them once."""
    base = Foundation(settings, clock, ids, database, bus, storage)
    tiers = tier_table(settings)
    audit = AuditLog(database, clock)
    guard = StorageGuard(database, settings, storage)
    loose = LooseGroups(database, storage, clock)
    sources = SoundSources(database, storage, clock)
    registry = Workers(database, clock, settings, bus)
    arrivals = Arrivals(registry)
    shared = build_shared(base)
    limits = shared.rate_limits
    models = build_models(base)
    accounts = build_accounts(base, rate_limits=limits, tiers=tiers, audit=audit, loose=loose)
    queue = build_queue(
        base, tiers=tiers, accounts=accounts, workers=registry, rate_limits=limits, storage_guard=guard,
        audit=audit, sources=sources,
    )  # fmt: skip
    listening = build_listening(base)
    workers = build_workers(base, registry=registry, arrivals=arrivals, queue=queue)
    speech = build_speech(
        base,
        storage_guard=guard,
        rate_limits=limits,
        tiers=tiers,
        voices=models.voices,
        arrivals=arrivals,
        loose=loose,
    )
    library = build_library(
        base, storage_guard=guard, rate_limits=limits, audit=audit, loose=loose,
        leases=queue.leases, speech_leases=speech.leases, sources=sources,
    )  # fmt: skip
    admin = build_admin(
        base, accounts=accounts, queue=queue, library=library, models=models, workers=workers, audit=audit
    )
    return Services(
        settings=settings, clock=clock, ids=ids, database=database, bus=bus, storage=storage,
        accounts=accounts, queue=queue, listening=listening, library=library, speech=speech, models=models,
        workers=workers, admin=admin, backup=BackupServices(database, storage, clock), shared=shared,
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
    right first, and DatabaseAway, StorageAway or StorageFull when the wait was in vain.
    """
    make_data_folder(settings)

    async def attempt() -> tuple[AsyncExitStack, Parts]:
        opening = opened(settings, owns_event_socket=owns_event_socket, begins_anew=begins_anew)
        stack = AsyncExitStack()
        return stack, await stack.enter_async_context(opening)

    stack, parts = await until_there(attempt, for_s=wait_s)
    async with stack:
        services = build_services(settings, parts.database, parts.bus, parts.storage, parts.clock, parts.ids)
        try:
            yield services
        finally:
            await services.speech.long_texts.close()
