"""The services of accounts, wired together."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.policy.accounts.tiers import Tier
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import Aura
from webapp.services.accounts.deletion import AccountDeletion
from webapp.services.accounts.guessing_limits import GuessingLimits
from webapp.services.accounts.invitations import Invitations
from webapp.services.accounts.passwords import PasswordHasher
from webapp.services.accounts.sessions import Sessions
from webapp.services.accounts.setup_links import SetupLinks
from webapp.services.accounts.tokens import Tokens
from webapp.services.accounts.usage import UsageReader
from webapp.services.admin.audit_log import AuditLog
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.loose_files import LooseGroups
from webapp.services.shared.rate_limits import RateLimits


@dataclass(frozen=True, slots=True)
class AccountServices:
    """Accounts, their credentials, and what they use."""

    registry: Accounts
    deletion: AccountDeletion
    tokens: Tokens
    sessions: Sessions
    setup_links: SetupLinks
    invitations: Invitations
    guessing_limits: GuessingLimits
    aura: Aura
    usage: UsageReader


def build_accounts(
    base: Foundation,
    *,
    rate_limits: RateLimits,
    tiers: Mapping[str, Tier],
    loose: LooseGroups,
    audit: AuditLog,
) -> AccountServices:
    """Wire the services of accounts."""
    database, clock, ids, settings, bus = base.database, base.clock, base.ids, base.settings, base.bus
    registry = Accounts(database, clock, settings, rate_limits, PasswordHasher(), bus)
    return AccountServices(
        registry=registry,
        deletion=AccountDeletion(database, registry, loose, bus),
        tokens=Tokens(database, clock, ids, bus),
        sessions=Sessions(database, clock, ids, bus),
        setup_links=SetupLinks(database, clock, ids, registry),
        invitations=Invitations(
            database,
            clock,
            ids,
            accounts=registry,
            limits=registry.limits,
            audit=audit,
        ),
        guessing_limits=GuessingLimits(rate_limits, settings),
        aura=Aura(database, clock),
        usage=UsageReader(database, clock, settings, tiers),
    )
