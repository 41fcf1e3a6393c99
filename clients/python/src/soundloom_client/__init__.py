"""Client for Soundloom, a self-hosted text-to-audio server."""

from soundloom_client.async_client import AsyncJobHandle, AsyncSoundloom
from soundloom_client.client import JobHandle, Soundloom
from soundloom_client.errors import (
    AuthenticationRequired,
    InvalidRequest,
    JobCancelled,
    JobEnded,
    JobFailed,
    LimitReached,
    NotAuthorized,
    NotFound,
    Refused,
    SoundDeleted,
    SoundloomError,
    StillRunning,
    StreamCut,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from soundloom_client.files import AsyncFile, File
from soundloom_client.models import (
    AudioFormat,
    ContinueFrom,
    Job,
    Model,
    Options,
    Skip,
    Sound,
    Source,
    Speech,
    Status,
    Voice,
)
from soundloom_client.retries import Retries
from soundloom_client.surroundings import Surroundings
from soundloom_client.version import __version__

__all__ = [
    "AsyncFile",
    "AsyncJobHandle",
    "AsyncSoundloom",
    "AudioFormat",
    "AuthenticationRequired",
    "ContinueFrom",
    "File",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobEnded",
    "JobFailed",
    "JobHandle",
    "LimitReached",
    "Model",
    "NotAuthorized",
    "NotFound",
    "Options",
    "Refused",
    "Retries",
    "Skip",
    "Sound",
    "SoundDeleted",
    "Soundloom",
    "SoundloomError",
    "Source",
    "Speech",
    "Status",
    "StillRunning",
    "StreamCut",
    "Surroundings",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
    "Voice",
    "__version__",
]
