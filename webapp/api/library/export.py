"""Exports: sounds and all that is known of them, as one zip."""

from typing import Annotated, Any, Final, TypeAlias

from litestar import Controller, Request, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter, SkipValidation

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.library.listing import SELECTING, SELECTION, InjectedQuery
from webapp.http.dependencies import (
    InjectedLibrary,
    InjectedSettings,
    InjectedShared,
    InjectedStreams,
)
from webapp.http.files.archive import ZIP, archive
from webapp.http.files.attachment import Attachment
from webapp.http.openapi import BEARER_SECURITY, RATE_LIMITS, binary, describes, header, problems
from webapp.http.requests.query import only
from webapp.policy.library.exports import ExportChoice, ExportScope, export_formats, export_ids

DISPOSITION: Final = header("The file's name.", 'attachment; filename="soundloom.zip"')


InjectedChoice: TypeAlias = NamedDependency[SkipValidation[ExportChoice]]


def provide_choice(
    selection: InjectedQuery,
    ids: Annotated[
        str | None, QueryParameter(description="Ids of sounds, with commas between them; at most 500.")
    ] = None,
    playlist: Annotated[str | None, QueryParameter(description="The id of a playlist.")] = None,
    source: Annotated[
        ExportScope,
        QueryParameter(description="Without ids and playlist: the list that the filters are for."),
    ] = "own",
    formats: Annotated[
        str | None,
        QueryParameter(description="Some of wav, flac, ogg, mp3 and png, with commas; flac without it."),
    ] = None,
) -> ExportChoice:
    """Read the export's parameters. Raises InvalidRequest."""
    return ExportChoice(export_formats(formats), selection, export_ids(ids), playlist or None, source)


class ExportController(Controller):
    """Exports of sounds for accounts."""

    path = "/api/library/export"
    tags = ("Library",)
    dependencies = AUTHENTICATION | SELECTION | {"choice": Provide(provide_choice, sync_to_thread=False)}
    security = BEARER_SECURITY

    @get(
        "/",
        summary="Sounds with everything about them, as a zip",
        before_request=only(*SELECTING, "ids", "playlist", "source", "formats"),
        operation_class=describes(
            gives={"Content-Disposition": DISPOSITION, **RATE_LIMITS}, content=binary(ZIP)
        ),
        responses={200: ResponseSpec(None, description="The archive."), **problems(400, 401, 404, 429)},
    )
    async def export(
        self,
        request: Request[Any, Any, Any],
        settings: InjectedSettings,
        library: InjectedLibrary,
        shared: InjectedShared,
        streams: InjectedStreams,
        identity: InjectedIdentity,
        choice: InjectedChoice,
    ) -> Attachment:
        """Public sounds and the account's own. `manifest.json` holds everything else."""
        return await archive(request, settings, library, shared, streams, identity, choice)
