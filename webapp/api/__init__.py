"""The JSON API."""

from typing import Final

from litestar.types import ControllerRouterHandler

from webapp.api.auth import AuthController
from webapp.api.export import ExportController
from webapp.api.files import FileController
from webapp.api.generation import GenerationController
from webapp.api.library import LibraryController
from webapp.api.me import me
from webapp.api.moderation import ModerationController
from webapp.api.playlists import PlaylistController
from webapp.api.queue import QueueController
from webapp.api.speech import SpeechController
from webapp.api.status import status
from webapp.api.steering import SteeringController

API_CONTROLLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    AuthController,
    ExportController,
    FileController,
    GenerationController,
    LibraryController,
    ModerationController,
    PlaylistController,
    QueueController,
    SpeechController,
    SteeringController,
    me,
    status,
)
