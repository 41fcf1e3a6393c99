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
from webapp.tables.administration import AdminAction, Duty
from webapp.tables.idempotency import IdempotencyKey
from webapp.tables.jobs import Job, ModelWish, QueueState, Sound, SoundMaterial, Worker
from webapp.tables.library import Favorite, LibraryItem, Playlist, PlaylistTrack, SoundVote, Tally
from webapp.tables.speech import SpeechPiece, SpeechRequest
from webapp.tables.storage import LooseFiles, StorageMark
from webapp.tables.uploads import Upload
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
    SoundMaterial,
    Worker,
    ModelWish,
    IdempotencyKey,
    LibraryItem,
    SoundVote,
    Favorite,
    Playlist,
    PlaylistTrack,
    SpeechRequest,
    SpeechPiece,
    AdminAction,
    WeightsFolder,
    WeightsCopy,
    StorageMark,
    LooseFiles,
    Duty,
    Tally,
    Upload,
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
    "SoundMaterial",
    "SoundVote",
    "SpeechPiece",
    "SpeechRequest",
    "StorageMark",
    "Tally",
    "ThrottleHit",
    "Upload",
    "WebSession",
    "WeightsCopy",
    "WeightsFolder",
    "Worker",
]
