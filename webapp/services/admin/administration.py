"""The services for admins, wired together."""

from dataclasses import dataclass

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus
from webapp.ids import Ids
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import Aura
from webapp.services.accounts.deletion import AccountDeletion
from webapp.services.admin.accounts import AccountAdmin
from webapp.services.admin.audit import AuditLog
from webapp.services.admin.operations import Operations
from webapp.services.admin.queue import QueueAdmin
from webapp.services.admin.queue_overview import QueueOverview
from webapp.services.library.moderation import Moderation
from webapp.services.models.downloads import Downloads
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.workers.control import WorkerControl
from webapp.settings import Settings
from webapp.storage import Storage


@dataclass(frozen=True, slots=True)
class Administration:
    """Every call of these is refused to whoever is no admin; every change is on record in `audit`."""

    queue: QueueAdmin
    overview: QueueOverview
    accounts: AccountAdmin
    operations: Operations
    audit: AuditLog


def build_administration(
    database: Database,
    clock: Clock,
    ids: Ids,
    settings: Settings,
    bus: Bus,
    *,
    accounts: Accounts,
    storage: Storage,
    moderation: Moderation,
) -> Administration:
    """Wire what admins do over the services whose things they change."""
    audit = AuditLog(database, clock)
    aura = Aura(database, clock)
    payments = SkipPayments(database, aura)
    return Administration(
        queue=QueueAdmin(database, clock, settings, bus, payments=payments, audit=audit),
        overview=QueueOverview(database),
        accounts=AccountAdmin(
            database,
            ids,
            bus,
            accounts=accounts,
            aura=aura,
            audit=audit,
            deletion=AccountDeletion(database, accounts, storage, bus),
        ),
        operations=Operations(
            database,
            bus,
            workers=WorkerControl(database, bus),
            downloads=Downloads(database, clock, settings, bus),
            moderation=moderation,
            audit=audit,
        ),
        audit=audit,
    )
