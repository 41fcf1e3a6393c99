"""Accounts and what proves who somebody is."""

from piccolo.columns import BigInt, Boolean, ForeignKey, Integer, OnDelete, Serial, Varchar
from piccolo.table import Table


class Account(Table):
    """A person or program that may generate sounds."""

    id: Serial
    username = Varchar(length=32)
    # The username without regard to case: what must be unique.
    username_key = Varchar(length=64, unique=True)
    password_hash = Varchar(length=255)
    tier = Varchar(length=16, default="free")
    is_admin = Boolean(default=False)
    is_disabled = Boolean(default=False)
    # Always the sum of the account's AuraEntry rows, and written in the same transaction.
    aura_balance = Integer(default=0)
    created_ms = BigInt()


class ApiToken(Table):
    """A bearer token for the JSON API; only its SHA-256 is kept."""

    id: Serial
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    label = Varchar(length=100, default="")
    token_hash = Varchar(length=64, unique=True)
    created_ms = BigInt()
    expires_ms = BigInt(null=True, default=None)
    last_used_ms = BigInt(null=True, default=None)


class WebSession(Table):
    """A signed-in browser; only the SHA-256 of its cookie is kept."""

    id: Serial
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    secret_hash = Varchar(length=64, unique=True)
    created_ms = BigInt()
    expires_ms = BigInt()
    last_seen_ms = BigInt()
    address = Varchar(length=64, default="")
    user_agent = Varchar(length=200, default="")


class SetupLink(Table):
    """The one-time link that makes the first admin; at most one row."""

    id = Integer(primary_key=True)
    secret_hash = Varchar(length=64)
    created_ms = BigInt()


class Invitation(Table):
    """A one-time link by which somebody makes their own account; only the SHA-256 of its secret is kept."""

    id: Serial
    secret_hash = Varchar(length=64, unique=True)
    # Empty where the guest chooses the name.
    username = Varchar(length=32, default="")
    tier = Varchar(length=16)
    # The admin who invites; by name, since the invitation outlives the account.
    author = Varchar(length=32)
    created_ms = BigInt()
    expires_ms = BigInt()


class ThrottleHit(Table):
    """One counted request against a rate limit, in a sliding window."""

    id: Serial
    bucket = Varchar(length=160)
    at_ms = BigInt()


class AuraEntry(Table):
    """One line of the append-only Aura ledger."""

    id: Serial
    account = ForeignKey(Account, on_delete=OnDelete.cascade, index=True)
    # grant | adjustment | skip | refund
    kind = Varchar(length=16)
    amount = Integer()
    balance_after = Integer()
    reason = Varchar(length=200, default="")
    # The job that was skipped or refunded. Not a foreign key: the ledger outlives jobs.
    job_id = Varchar(length=12, null=True, default=None)
    # The admin who granted or adjusted; by name, for the same reason.
    author = Varchar(length=32, null=True, default=None)
    created_ms = BigInt()
