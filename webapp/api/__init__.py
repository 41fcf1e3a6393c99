"""The JSON API."""

from typing import Final

from litestar.types import ControllerRouterHandler

from webapp.api.accounts.auth import AuthController
from webapp.api.accounts.me import me
from webapp.api.dialects.elevenlabs import ElevenLabsController, ElevenLabsVoiceController
from webapp.api.dialects.openai import OpenAIController
from webapp.api.library.export import ExportController
from webapp.api.library.files import FileController
from webapp.api.library.library import LibraryController
from webapp.api.library.moderation import ModerationController
from webapp.api.library.playlists import PlaylistController
from webapp.api.library.radio import manifest, shuffle
from webapp.api.library.uploads import UploadController
from webapp.api.queue.generate import GenerationController
from webapp.api.queue.listening import ListeningController
from webapp.api.queue.queue import QueueController
from webapp.api.queue.steering import SteeringController
from webapp.api.speech.long_texts import LongTextController
from webapp.api.speech.speech import SpeechController
from webapp.api.workers.models import models
from webapp.api.workers.status import status

API_CONTROLLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    AuthController,
    ElevenLabsController,
    ElevenLabsVoiceController,
    ExportController,
    FileController,
    GenerationController,
    LibraryController,
    ListeningController,
    LongTextController,
    ModerationController,
    OpenAIController,
    PlaylistController,
    QueueController,
    SpeechController,
    SteeringController,
    manifest,
    UploadController,
    me,
    shuffle,
    models,
    status,
)
