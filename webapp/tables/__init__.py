"""Piccolo tables: what is stored."""

from piccolo.table import Table

from webapp.tables.accounts import Account, ApiToken, AuraEntry, SetupLink, ThrottleHit, WebSession
from webapp.tables.idempotency import IdempotencyKey
from webapp.tables.jobs import Job, QueueState, Sound, Worker

ALL_TABLES: tuple[type[Table], ...] = (
    Account,
    ApiToken,
    WebSession,
    SetupLink,
    ThrottleHit,
    AuraEntry,
    QueueState,
    Job,
    Sound,
    Worker,
    IdempotencyKey,
)

__all__ = [
    "ALL_TABLES",
    "Account",
    "ApiToken",
    "AuraEntry",
    "IdempotencyKey",
    "Job",
    "QueueState",
    "SetupLink",
    "Sound",
    "ThrottleHit",
    "WebSession",
    "Worker",
]
