"""Moderation: sounds that others see or saw, and what admins do about them."""

from typing import Any, Final, cast
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedAdministration, InjectedLibrary
from webapp.pages.admin.access import ADMIN_DEPENDENCIES, InjectedAdmin, admin_chrome, page_number
from webapp.pages.admin.contexts import ModeratedFragment, SoundsPage
from webapp.pages.frame.answers import done
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.partials import partial
from webapp.pages.frame.posted import InjectedPosted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import _
from webapp.pages.library.address import MAX_QUERY_CHARACTERS
from webapp.policy.library.fields import MAX_NOTE_CHARACTERS, LibraryQuery, parse_note, require_note
from webapp.services.library.moderation import ModerationState

STATES: Final[tuple[ModerationState, ...]] = ("all", "seen", "hidden", "moderated")
PER_PAGE: Final = 30


@get("/admin/sounds", dependencies=ADMIN_DEPENDENCIES)
async def show_sounds(
    request: PageRequest, library: InjectedLibrary, renderer: InjectedRenderer, admin: InjectedAdmin
) -> Response[Any]:
    """Sounds, newest first, or what is searched for."""
    given = request.query_params.get("state", "all")
    state = cast(ModerationState, given) if given in STATES else "all"
    text = request.query_params.get("q", "").strip()[:MAX_QUERY_CHARACTERS]
    query = LibraryQuery(page=page_number(request), per_page=PER_PAGE, search=text or None)
    found = await library.moderation.list(admin, query, state)
    asked = urlencode({"state": state, **({"q": text} if text else {})})
    return renderer.page(
        SoundsPage(
            chrome=admin_chrome(admin),
            sounds=found.sounds,
            total=found.page.total,
            page=query.page,
            has_more=query.page * PER_PAGE < found.page.total,
            state=state,
            text=text,
            base=f"/admin/sounds?{asked}&",
            max_note=MAX_NOTE_CHARACTERS,
        )
    )


@post("/admin/sounds/{sound_id:str}", dependencies=ADMIN_DEPENDENCIES)
async def moderate(
    posted: InjectedPosted, administration: InjectedAdministration, sound_id: FromPath[str]
) -> Response[Any]:
    """Hide a sound, show it again, or note something about it."""
    operations, identity, fields = administration.operations, posted.identity, posted.fields
    match fields.get("action"):
        case "hide":
            sound = await operations.hide_sound(identity, sound_id, parse_note(fields))
            said = _("Hidden from everyone but its owner")
        case "show":
            sound = await operations.show_sound(identity, sound_id, parse_note(fields))
            said = _("Shown again")
        case "note":
            sound = await operations.annotate_sound(identity, sound_id, require_note(fields))
            said = _("Note saved")
        case _:
            raise InvalidRequest(_("Choose what to do with the sound"))
    shown = posted.renderer.render(ModeratedFragment(sound, MAX_NOTE_CHARACTERS))
    return done(posted, said, partial(f"moderated-{sound_id}", shown), back="/admin/sounds")


MODERATION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (show_sounds, moderate)
