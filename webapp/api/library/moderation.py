"""Moderation: what admins do about sounds that should not be seen."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post, put
from litestar.params import QueryParameter
from msgspec import UNSET, Meta, UnsetType

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.library.listing import LINK, LISTING, SELECTING, InjectedQuery, SoundId, next_link
from webapp.api.library.schemas import LibraryItemBody, TotalExact, total_exact_of
from webapp.api.shared.timestamps import Moment, timestamp
from webapp.http.dependencies import InjectedAdministration, InjectedLibrary
from webapp.http.openapi import BEARER_SECURITY, RATE_LIMITS, describes, problems
from webapp.http.requests.body import read_json_object
from webapp.http.requests.query import only
from webapp.policy.library.fields import MAX_NOTE_CHARACTERS, parse_note, require_note
from webapp.services.library.moderation import ModeratedSound, ModerationPage, ModerationState

AnyRequest = Request[Any, Any, Any]
NoteText = Annotated[
    str, Meta(max_length=MAX_NOTE_CHARACTERS, examples=["Names a person who asked not to be named"])
]
CHANGE_PROBLEMS = problems(400, 401, 403, 404, 408, 413, 415, 429)


class ModeratedSoundBody(msgspec.Struct, frozen=True):
    """A sound, and what admins did about it."""

    sound: LibraryItemBody
    is_hidden: bool
    note: Annotated[str | None, Meta(description="Null where there is none.")]
    moderator: Annotated[str | None, Meta(description="The admin who acted last; null if none did.")]
    moderated_at: Annotated[Moment | None, Meta(description="UTC; null while no admin did anything.")]

    @classmethod
    def of(cls, sound: ModeratedSound) -> "ModeratedSoundBody":
        return cls(
            sound=LibraryItemBody.of(sound.item),
            is_hidden=sound.item.is_hidden,
            note=sound.note or None,
            moderator=sound.moderator or None,
            moderated_at=None if sound.moderated_ms is None else timestamp(sound.moderated_ms),
        )


class ModerationPageBody(msgspec.Struct, frozen=True):
    """Part of a list of sounds to be looked at."""

    items: list[ModeratedSoundBody]
    page: int
    per_page: int
    total: int
    has_more: bool
    total_exact: TotalExact = UNSET

    @classmethod
    def of(cls, found: ModerationPage) -> "ModerationPageBody":
        page = found.page
        items = [ModeratedSoundBody.of(sound) for sound in found.sounds]
        return cls(items, page.page, page.per_page, page.total, page.has_more, total_exact_of(page))


class ModerationBody(msgspec.Struct, frozen=True):
    """Why, for other admins; without it an earlier note stays."""

    note: NoteText | UnsetType = UNSET


class NoteBody(msgspec.Struct, frozen=True):
    """A note for other admins, in place of an earlier one."""

    note: NoteText


class ModerationController(Controller):
    """For admins only."""

    path = "/api/moderation/sounds"
    tags = ("Moderation",)
    dependencies = AUTHENTICATION
    security = BEARER_SECURITY

    @get(
        "/",
        summary="Sounds that others see, or saw",
        dependencies=LISTING,
        before_request=only(*SELECTING, "page", "per_page", "cursor", "show"),
        operation_class=describes(gives={"Link": LINK, **RATE_LIMITS}),
        responses=problems(400, 401, 403, 429),
    )
    async def sounds(
        self,
        request: AnyRequest,
        library: InjectedLibrary,
        identity: InjectedIdentity,
        listing: InjectedQuery,
        show: Annotated[
            ModerationState,
            QueryParameter(
                description="`seen` by everybody, `hidden` by an admin, or `moderated`: hidden, restored or"
                " noted about."
            ),
        ] = "all",
    ) -> Response[ModerationPageBody]:
        """Found like in the library. What was never published is not among them."""
        found = await library.moderation.list(identity, listing, show)
        return Response(ModerationPageBody.of(found), headers=next_link(request, library, found.page))

    @post(
        "/{sound_id:str}/hide",
        summary="Hide a sound",
        status_code=200,
        operation_class=describes(reads=ModerationBody),
        responses=CHANGE_PROBLEMS,
    )
    async def hide(
        self,
        request: AnyRequest,
        sound_id: SoundId,
        administration: InjectedAdministration,
        identity: InjectedIdentity,
    ) -> ModeratedSoundBody:
        """From everybody but its owner and admins. Votes, favourites and playlists keep it meanwhile."""
        note = parse_note(await read_json_object(request))
        return ModeratedSoundBody.of(await administration.operations.hide_sound(identity, sound_id, note))

    @post(
        "/{sound_id:str}/restore",
        summary="Show a hidden sound again",
        status_code=200,
        operation_class=describes(reads=ModerationBody),
        responses=CHANGE_PROBLEMS,
    )
    async def restore(
        self,
        request: AnyRequest,
        sound_id: SoundId,
        administration: InjectedAdministration,
        identity: InjectedIdentity,
    ) -> ModeratedSoundBody:
        """As public as its owner has it."""
        note = parse_note(await read_json_object(request))
        return ModeratedSoundBody.of(await administration.operations.show_sound(identity, sound_id, note))

    @put(
        "/{sound_id:str}/note",
        summary="Note something about a sound",
        operation_class=describes(reads=NoteBody),
        responses=CHANGE_PROBLEMS,
    )
    async def note(
        self,
        request: AnyRequest,
        sound_id: SoundId,
        administration: InjectedAdministration,
        identity: InjectedIdentity,
    ) -> ModeratedSoundBody:
        """For other admins; nobody else reads it."""
        note = require_note(await read_json_object(request))
        return ModeratedSoundBody.of(await administration.operations.annotate_sound(identity, sound_id, note))
