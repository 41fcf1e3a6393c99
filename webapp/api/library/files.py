"""The files of sounds; a file's name is what protects it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from litestar import Controller, HttpMethod, Request, Response, get, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Schema
from litestar.params import PathParameter, QueryParameter
from litestar.response.base import ASGIResponse

from webapp.api.accounts.authentication import ADDRESS, InjectedAddress
from webapp.errors import NotFound
from webapp.http.dependencies import InjectedAccounts, InjectedLibrary
from webapp.http.files.attachment import disposition
from webapp.http.files.file_response import NO_HEADERS, FileAnswer
from webapp.http.openapi import binary, describes, header, problems
from webapp.http.rate_limit import announce, told
from webapp.policy.library.captions import web_vtt
from webapp.policy.library.file_names import download_stem
from webapp.services.accounts.facade import AccountServices
from webapp.services.library.facade import LibraryServices
from webapp.services.library.files import DirectAddress, FileName

MEDIA_TYPES: Final = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
}
READING: Final = [HttpMethod.GET, HttpMethod.HEAD]
PARTS: Final = {
    206: ResponseSpec(None, description="The part that `Range` asks for."),
    304: ResponseSpec(None, description="The reader's copy is still right."),
}
REDIRECT: Final = {
    307: ResponseSpec(None, description="Where the sound is, if the server sends readers there."),
}
FILE_HEADERS: Final = {
    "ETag": header("Changes with the content.", '"5f1d7a84db00d2fce00b-1"'),
    "Accept-Ranges": header("Parts can be asked for with `Range`.", "bytes"),
}
SOUND: Final = binary(*(name for suffix, name in MEDIA_TYPES.items() if suffix != ".png"))
VTT: Final = "text/vtt"
CAPTIONS: Final = {VTT: Schema()}
PICTURE: Final = binary(MEDIA_TYPES[".png"])

AnyRequest = Request[Any, Any, Any]
ToBeSaved = Annotated[
    str | None,
    QueryParameter(
        description="With any value, or none: browsers save the file. That of a published sound is named"
        " after its title. The server sends it itself, wherever it is stored.",
        schema_extra={"examples": [""]},
    ),
]
AudioName = Annotated[
    str,
    PathParameter(
        description="`<generation id>.wav`, or `.flac`, `.ogg`, `.mp3`.",
        schema_extra={"pattern": r"^[0-9a-f]{20}\.(wav|flac|ogg|mp3)$"},
    ),
]
PictureName = Annotated[
    str,
    PathParameter(description="`<generation id>.png`.", schema_extra={"pattern": r"^[0-9a-f]{20}\.png$"}),
]

CaptionsName = Annotated[
    str,
    PathParameter(description="`<generation id>.vtt`.", schema_extra={"pattern": r"^[0-9a-f]{20}\.vtt$"}),
]


class FileController(Controller):
    """Sounds, pictures and captions."""

    tags = ("Files",)
    dependencies = ADDRESS

    @route(
        "/audio/{filename:str}",
        http_method=READING,
        summary="A sound",
        operation_class=describes(gives=FILE_HEADERS, content=SOUND, is_limited=True),
        responses={**PARTS, **REDIRECT, **problems(404, 412, 416, 429)},
    )
    async def audio(
        self,
        filename: AudioName,
        accounts: InjectedAccounts,
        library: InjectedLibrary,
        request: AnyRequest,
        address: InjectedAddress,
        download: ToBeSaved = None,
    ) -> ASGIResponse:
        """The sound in the format that the name's ending says; its name never means another sound."""
        async with _misses_counted(request, accounts, address):
            _require_exact_path(request, f"/audio/{filename}", "Audio not found")
            file = await library.files.audio_file(filename)
        if download is not None:
            headers = {"content-disposition": await _disposition(library, filename)}
            return await _answer(library, file, request, headers)
        address_of_file = await library.files.direct_address(file, method=request.method)
        if address_of_file is not None:
            return _redirect(address_of_file)
        return await _answer(library, file, request)

    @route(
        "/spectrogram/{filename:str}",
        http_method=READING,
        summary="A sound's spectrogram",
        operation_class=describes(gives=FILE_HEADERS, content=PICTURE, is_limited=True),
        responses={**PARTS, **problems(404, 412, 416, 429)},
    )
    async def spectrogram(
        self,
        filename: PictureName,
        accounts: InjectedAccounts,
        library: InjectedLibrary,
        request: AnyRequest,
        address: InjectedAddress,
    ) -> FileAnswer:
        """Time from left to right, pitch from bottom to top, and how loud by colour."""
        async with _misses_counted(request, accounts, address):
            _require_exact_path(request, f"/spectrogram/{filename}", "Spectrogram not found")
            file = await library.files.picture_file(filename)
        return await _answer(library, file, request)

    @get(
        "/captions/{filename:str}",
        summary="A spoken sound's captions",
        operation_class=describes(content=CAPTIONS, is_limited=True),
        responses=problems(404, 429),
    )
    async def captions(
        self,
        filename: CaptionsName,
        accounts: InjectedAccounts,
        library: InjectedLibrary,
        request: AnyRequest,
        address: InjectedAddress,
    ) -> Response[str]:
        """When each sentence is heard, as WebVTT; without a cue for a sound in which nobody speaks."""
        async with _misses_counted(request, accounts, address):
            _require_exact_path(request, f"/captions/{filename}", "Captions not found")
            captions = await library.files.captions(filename)
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(web_vtt(captions), media_type=VTT, headers=headers)


def _require_exact_path(request: AnyRequest, path: str, missing: str) -> None:
    """Raise NotFound for detours to a file (`//`, `%2f`, a last slash), which the framework evens out."""
    raw_path = request.scope["raw_path"].partition(b"?")[0]
    if not raw_path.endswith(path.encode()):
        raise NotFound(missing)


async def _answer(
    library: LibraryServices, file: FileName, request: AnyRequest, headers: Mapping[str, str] = NO_HEADERS
) -> FileAnswer:
    """Open a file last: what fails after that would leave it open."""
    media_type = MEDIA_TYPES[f".{file.name.rpartition('.')[2]}"]
    return await FileAnswer.of(library.files.open(file), media_type, request, headers)


async def _disposition(library: LibraryServices, filename: str) -> str:
    """Name a published sound by its title. Of another one its words are nobody's who has only its address."""
    sound_id, _, extension = filename.partition(".")
    try:
        item = await library.browse.item(None, sound_id)
    except NotFound:
        return "attachment"
    return disposition(f"{download_stem(item.title, sound_id)}.{extension}")


def _redirect(address: DirectAddress) -> ASGIResponse:
    """Send the reader to the storage. It is one method and one file that the address is good for."""
    headers = {"Location": address.url, "Cache-Control": f"private, max-age={address.keep_s}"}
    return ASGIResponse(status_code=307, headers=headers, media_type="text/plain")


@asynccontextmanager
async def _misses_counted(
    request: AnyRequest, accounts: AccountServices, address: str
) -> AsyncIterator[None]:
    try:
        yield
    except NotFound:
        await accounts.guessing_limits.missing_file(address)
        raise
    finally:
        announce(request, told(await accounts.guessing_limits.file_usage(address)))
