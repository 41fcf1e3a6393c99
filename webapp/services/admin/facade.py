"""The services for admins, wired together."""

from dataclasses import dataclass

from webapp.services.accounts.facade import AccountServices
from webapp.services.admin.accounts import AccountAdmin
from webapp.services.admin.audit_log import AuditLog
from webapp.services.admin.invitations import InvitationAdmin
from webapp.services.admin.operations import Operations
from webapp.services.admin.queue import QueueAdmin
from webapp.services.admin.queue_overview import QueueOverview
from webapp.services.library.facade import LibraryServices
from webapp.services.models.facade import ModelServices
from webapp.services.queue.facade import QueueServices
from webapp.services.shared.foundation import Foundation
from webapp.services.workers.facade import WorkerServices


@dataclass(frozen=True, slots=True)
class AdminServices:
    """All of these refuse calls by anybody but admins; every change is recorded in the audit log."""

    queue: QueueAdmin
    overview: QueueOverview
    accounts: AccountAdmin
    invitations: InvitationAdmin
    operations: Operations
    audit: AuditLog


def build_admin(
    base: Foundation,
    *,
    accounts: AccountServices,
    queue: QueueServices,
    library: LibraryServices,
    models: ModelServices,
    workers: WorkerServices,
    audit: AuditLog,
) -> AdminServices:
    """Wire the services for admins on top of those of the domains that they change."""
    database, clock, ids, settings, bus = base.database, base.clock, base.ids, base.settings, base.bus
    return AdminServices(
        queue=QueueAdmin(database, clock, settings, bus, endings=queue.endings, audit=audit),
        overview=QueueOverview(database),
        accounts=AccountAdmin(
            database,
            ids,
            bus,
            accounts=accounts.registry,
            aura=accounts.aura,
            audit=audit,
            deletion=accounts.deletion,
        ),
        invitations=InvitationAdmin(
            database, invitations=accounts.invitations, accounts=accounts.registry, audit=audit
        ),
        operations=Operations(
            database,
            bus,
            workers=workers.control,
            downloads=models.downloads,
            moderation=library.moderation,
            audit=audit,
        ),
        audit=audit,
    )
