"""Shows a text while it is spoken."""

from contextlib import suppress
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from webapp.errors import Conflict, NotFound
from webapp.http.dependencies import InjectedLibrary, InjectedSettings, InjectedSpeech, InjectedStreams
from webapp.http.streams.speech_stream import speech_stream
from webapp.pages.accounts.authentication import InjectedIdentity
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.partials import partial
from webapp.pages.frame.posted import InjectedPosted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import _
from webapp.pages.library.browse import InjectedCards
from webapp.pages.speech.contexts import SpeakingStateFragment, SpokenListFragment
from webapp.pages.speech.spoken import spoken_cards


@get("/speech/requests/{request_id:str}/stream")
async def hear(
    request: PageRequest,
    request_id: FromPath[str],
    settings: InjectedSettings,
    speech: InjectedSpeech,
    streams: InjectedStreams,
    identity: InjectedIdentity,
) -> ASGIResponse:
    """Send a text as it is spoken."""
    progress = await speech.long_texts.progress(identity, request_id)
    if not progress.stream_format:
        raise NotFound(_("There is nothing to hear yet"))
    return await speech_stream(request, settings, speech, streams, identity, progress, {})


@get("/speech/requests/{request_id:str}")
async def show_progress(
    request_id: FromPath[str],
    library: InjectedLibrary,
    speech: InjectedSpeech,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Show how far a text is and, once it is spoken, its sound."""
    progress = await speech.long_texts.progress(identity, request_id)
    state = renderer.render(SpeakingStateFragment(progress))
    if progress.is_active:
        return renderer.fragments(state)
    cards = await spoken_cards(library, sound_cards, identity)
    return renderer.fragments(
        state, partial("spoken", renderer.render(SpokenListFragment(cards)), swap="innerMorph")
    )


@post("/speech/requests/{request_id:str}/cancel")
async def stop_speaking(
    posted: InjectedPosted, request_id: FromPath[str], speech: InjectedSpeech
) -> Response[Any]:
    """Speak no more of a text; one that has just ended is shown as it is."""
    with suppress(Conflict):
        await speech.long_texts.cancel(posted.identity, request_id)
    progress = await speech.long_texts.progress(posted.identity, request_id)
    if not posted.wants_fragments:
        return posted.see_other("/speech")
    return posted.renderer.page(SpeakingStateFragment(progress))
