"""Piccolo tables: what is stored."""

from piccolo.table import Table

from webapp.tables.accounts import Account, ApiToken, AuraEntry, SetupLink, ThrottleHit, WebSession
from webapp.tables.idempotency import IdempotencyKey
from webapp.tables.jobs import Job, QueueState, Sound, Worker
from webapp.tables.library import Favorite, LibraryItem, Playlist, PlaylistTrack, SoundVote

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
    LibraryItem,
    SoundVote,
    Favorite,
    Playlist,
    PlaylistTrack,
)

__all__ = [
    "ALL_TABLES",
    "Account",
    "ApiToken",
    "AuraEntry",
    "Favorite",
    "IdempotencyKey",
    "Job",
    "LibraryItem",
    "Playlist",
    "PlaylistTrack",
    "QueueState",
    "SetupLink",
    "Sound",
    "SoundVote",
    "ThrottleHit",
    "WebSession",
    "Worker",
]
