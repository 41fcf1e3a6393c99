"""Piccolo tables: what is stored."""

from pathlib import Path
from typing import Final

from piccolo.table import Table

from webapp.tables.accounts import (
    Account,
    ApiToken,
    AuraEntry,
    Invitation,
    SetupLink,
    ThrottleHit,
    WebSession,
)
from webapp.tables.administration import AdminAction, Duty, HeldConnections
from webapp.tables.idempotency import IdempotencyKey
from webapp.tables.jobs import Job, ModelWish, QueueState, Sound, Worker
from webapp.tables.library import Favorite, LibraryItem, Playlist, PlaylistTrack, SoundVote, Tally
from webapp.tables.speech import SpeechRequest
from webapp.tables.storage import LooseFiles, StorageMark
from webapp.tables.weights import WeightsCopy, WeightsFolder

APP_NAME: Final = "soundloom"
MIGRATIONS: Final = Path(__file__).parent / "piccolo_migrations"

ALL_TABLES: tuple[type[Table], ...] = (
    Account,
    ApiToken,
    WebSession,
    SetupLink,
    Invitation,
    ThrottleHit,
    AuraEntry,
    QueueState,
    Job,
    Sound,
    Worker,
    ModelWish,
    IdempotencyKey,
    LibraryItem,
    SoundVote,
    Favorite,
    Playlist,
    PlaylistTrack,
    SpeechRequest,
    AdminAction,
    WeightsFolder,
    WeightsCopy,
    StorageMark,
    LooseFiles,
    Duty,
    HeldConnections,
    Tally,
)

__all__ = [
    "ALL_TABLES",
    "APP_NAME",
    "MIGRATIONS",
    "Account",
    "AdminAction",
    "ApiToken",
    "AuraEntry",
    "Duty",
    "Favorite",
    "HeldConnections",
    "IdempotencyKey",
    "Invitation",
    "Job",
    "LibraryItem",
    "LooseFiles",
    "ModelWish",
    "Playlist",
    "PlaylistTrack",
    "QueueState",
    "SetupLink",
    "Sound",
    "SoundVote",
    "SpeechRequest",
    "StorageMark",
    "Tally",
    "ThrottleHit",
    "WebSession",
    "WeightsCopy",
    "WeightsFolder",
    "Worker",
]
