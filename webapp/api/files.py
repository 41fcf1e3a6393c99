"""The files of sounds; a file's name is what protects it."""

from typing import Annotated, Any, Final

from litestar import Controller, Request, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter

from webapp.errors import NotFound
from webapp.http.dependencies import InjectedServices
from webapp.http.file_response import FileAnswer
from webapp.http.openapi import problems

AUDIO_TYPES: Final = {"wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "mp3": "audio/mpeg"}

AudioName = Annotated[str, PathParameter(description="`<generation id>.wav`, or `.flac`, `.ogg`, `.mp3`.")]
PictureName = Annotated[str, PathParameter(description="`<generation id>.png`.")]


class FileController(Controller):
    """Sounds and pictures, with ranges and caching."""

    tags = ("Files",)

    @get(
        "/audio/{filename:str}",
        summary="A sound",
        responses={200: ResponseSpec(bytes, media_type="audio/wav"), **problems(404)},
    )
    async def audio(
        self, filename: AudioName, services: InjectedServices, request: Request[Any, Any, Any]
    ) -> FileAnswer:
        path = await services.sounds.audio_file(filename)
        try:
            return await FileAnswer.open(path, AUDIO_TYPES[path.suffix.removeprefix(".")], request)
        except FileNotFoundError as error:
            raise NotFound("Audio not found") from error

    @get(
        "/spectrogram/{filename:str}",
        summary="A sound's spectrogram",
        responses={200: ResponseSpec(bytes, media_type="image/png"), **problems(404)},
    )
    async def spectrogram(
        self, filename: PictureName, services: InjectedServices, request: Request[Any, Any, Any]
    ) -> FileAnswer:
        path = await services.sounds.picture_file(filename)
        try:
            return await FileAnswer.open(path, "image/png", request)
        except FileNotFoundError as error:
            raise NotFound("Spectrogram not found") from error
