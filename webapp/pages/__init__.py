"""The pages: server-rendered HTML over the services."""

from typing import Final, cast

from litestar import Router
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap

from webapp.errors import AuthenticationRequired
from webapp.http.dependencies import provided
from webapp.http.middleware.compression import COMPRESSED
from webapp.http.middleware.same_origin import SameOriginOnly
from webapp.http.requests.session_cookie import cookie_name
from webapp.pages.accounts.account import ACCOUNT_HANDLERS
from webapp.pages.accounts.authentication import DEPENDENCIES, SessionRenewal, ask_to_sign_in
from webapp.pages.accounts.sign_in import SIGN_IN_HANDLERS
from webapp.pages.admin import ADMIN_HANDLERS
from webapp.pages.admin.queue import QUEUE_ACTION_HANDLERS
from webapp.pages.api_docs import API_DOCS_HANDLERS
from webapp.pages.frame.events import Feeds, follow_page
from webapp.pages.frame.posted import provide_posted
from webapp.pages.frame.rendering import Renderer
from webapp.pages.library.browse import show_library
from webapp.pages.library.continuing import CONTINUING_HANDLERS
from webapp.pages.library.embed import EMBED_HANDLERS
from webapp.pages.library.export import export_playlist, export_selection
from webapp.pages.library.playlists import PLAYLIST_HANDLERS
from webapp.pages.library.selection import add_selection_to_playlist, change_selection
from webapp.pages.library.sound import count_play, download, show_menu, show_sound, show_whether_there
from webapp.pages.library.sound_actions import SOUND_ACTION_HANDLERS
from webapp.pages.library.sound_cards import SoundCards
from webapp.pages.library.uploads import send_in
from webapp.pages.queue.feed import SharedQueue
from webapp.pages.queue.front_page import FrontPage
from webapp.pages.queue.generate import show_quote, show_start, submit, surprise
from webapp.pages.queue.job_actions import JOB_ACTION_HANDLERS
from webapp.pages.queue.queue import show_queue
from webapp.pages.speech.speaking import hear, show_progress, stop_speaking
from webapp.pages.speech.speech import show_speech, show_voices, speak
from webapp.services.container import Services

PAGE_CONTROLLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    *SIGN_IN_HANDLERS,
    show_start,
    submit,
    show_quote,
    surprise,
    *JOB_ACTION_HANDLERS,
    show_queue,
    *QUEUE_ACTION_HANDLERS,
    *ADMIN_HANDLERS,
    show_library,
    add_selection_to_playlist,
    change_selection,
    export_selection,
    export_playlist,
    show_sound,
    show_menu,
    show_whether_there,
    count_play,
    download,
    *EMBED_HANDLERS,
    *SOUND_ACTION_HANDLERS,
    *CONTINUING_HANDLERS,
    *PLAYLIST_HANDLERS,
    send_in,
    hear,
    show_progress,
    stop_speaking,
    show_speech,
    show_voices,
    speak,
    *ACCOUNT_HANDLERS,
    *API_DOCS_HANDLERS,
    follow_page,
)


# The framework knows requests as its own base class; HTMXPlugin makes every one an HTMXRequest.
HANDLERS: Final = cast("ExceptionHandlersMap", {AuthenticationRequired: ask_to_sign_in})


def page_router(services: Services, renderer: Renderer) -> Router:
    """All pages. They alone read the session cookie; errors in them are shown as pages too."""
    return Router(
        path="/",
        route_handlers=PAGE_CONTROLLERS,
        dependencies=_dependencies(services, renderer),
        middleware=[
            DefineMiddleware(
                SameOriginOnly, settings=services.settings, cookie_name=cookie_name(services.settings)
            ),
            SessionRenewal,
            COMPRESSED,
        ],
        exception_handlers=HANDLERS,
        opt={"page": True},
        include_in_schema=False,
    )


def _dependencies(services: Services, renderer: Renderer) -> dict[str, Provide]:
    """Make what the handlers of pages share, by the names that they ask for."""
    shared_queue = SharedQueue(
        services.settings,
        services.clock,
        services.bus,
        services.accounts,
        services.queue,
        services.workers,
        services.admin,
        renderer,
    )
    sound_cards = SoundCards(services.library)
    feeds = Feeds(
        clock=services.clock,
        bus=services.bus,
        accounts=services.accounts,
        queue=services.queue,
        library=services.library,
        models=services.models,
        workers=services.workers,
        renderer=renderer,
        shared_queue=shared_queue,
    )
    front_page = FrontPage(
        services.settings,
        services.accounts,
        services.queue,
        services.library,
        services.workers,
        sound_cards,
    )
    return {
        **DEPENDENCIES,
        "renderer": provided(renderer),
        "posted": Provide(provide_posted),
        "feeds": provided(feeds),
        "front_page": provided(front_page),
        "shared_queue": provided(shared_queue),
        "sound_cards": provided(sound_cards),
    }
