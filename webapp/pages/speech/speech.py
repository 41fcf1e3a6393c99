"""The page where texts are spoken."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Response, get, post

from webapp.errors import (
    Conflict,
    InvalidRequest,
    LimitReached,
    ProductError,
    SpeechFailed,
    StorageFull,
    Unavailable,
)
from webapp.http.dependencies import InjectedLibrary, InjectedSettings, InjectedSpeech
from webapp.http.errors import describe
from webapp.pages.accounts.authentication import InjectedViewer
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.forms import Fields
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.partials import announcement, partial
from webapp.pages.frame.posted import InjectedPosted, Posted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import _
from webapp.pages.library.browse import InjectedCards
from webapp.pages.library.contexts import SoundCard
from webapp.pages.library.sound_cards import SoundCards
from webapp.pages.speech.contexts import (
    SpeakingFragment,
    SpeechForm,
    SpeechFormFragment,
    SpeechPage,
    SpokenListFragment,
    VoiceChoice,
    VoiceChoiceFragment,
)
from webapp.pages.speech.languages import language_name, primary_subtag
from webapp.pages.speech.spoken import spoken_cards
from webapp.policy.speech import STREAM_FORMATS, SpeechChoice, default_voice, parse_speech
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices
from webapp.services.speech import SpeechProgress, SpokenSound, VoiceView
from webapp.services.speech.facade import SpeechServices
from webapp.settings import Settings

REFUSALS: Final = (Conflict, InvalidRequest, LimitReached, StorageFull, Unavailable, SpeechFailed)


@get("/speech")
async def show_speech(
    request: PageRequest,
    settings: InjectedSettings,
    library: InjectedLibrary,
    speech: InjectedSpeech,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Where texts are spoken. Without a script, it is asked again for the voices of another language."""
    form = await speech_form(settings, speech, viewer, dict(request.query_params))
    return renderer.page(_page(viewer, form, await spoken_cards(library, sound_cards, viewer)))


@get("/speech/voices")
async def show_voices(
    request: PageRequest,
    settings: InjectedSettings,
    speech: InjectedSpeech,
    renderer: InjectedRenderer,
    viewer: InjectedViewer,
) -> Response[Any]:
    """The voices of a language, and a sample of the chosen one."""
    form = await speech_form(settings, speech, viewer, dict(request.query_params))
    return renderer.page(VoiceChoiceFragment(form))


@post("/speech")
async def speak(
    posted: InjectedPosted,
    settings: InjectedSettings,
    library: InjectedLibrary,
    speech: InjectedSpeech,
    sound_cards: InjectedCards,
) -> Response[Any]:
    """Speak a text, and show what became of it."""
    try:
        choice = _choice(posted.fields)
        if posted.wants_fragments:
            heard = await _heard(speech, posted.identity, choice)
        else:
            heard = await speech.requests.speak(posted.identity, choice)
    except REFUSALS as error:
        return await _refused(posted, settings, library, speech, sound_cards, error)
    if isinstance(heard, SpokenSound) and not posted.wants_fragments:
        return posted.see_other(f"/speech?voice={heard.voice}#spoken-{heard.generation_id}")
    form = posted.renderer.render(
        SpeechFormFragment(await speech_form(settings, speech, posted.identity, posted.fields))
    )
    if isinstance(heard, SpeechProgress):
        speaking = posted.renderer.render(SpeakingFragment(heard))
        return posted.renderer.fragments(form, partial("speaking", speaking, swap="innerMorph"))
    cards = await spoken_cards(library, sound_cards, posted.identity)
    return posted.renderer.fragments(
        form,
        partial("spoken", posted.renderer.render(SpokenListFragment(cards)), swap="innerMorph"),
        announcement(_("Spoken: %(number)s seconds", number=format(heard.duration_s, ".1f"))),
    )


async def speech_form(
    settings: Settings,
    speech: SpeechServices,
    viewer: Identity | None,
    fields: Fields,
    error: ProductError | None = None,
) -> SpeechForm:
    """The form with what was typed, as things stand now."""
    usage = await speech.requests.usage(viewer) if viewer else None
    is_over_limit = isinstance(error, LimitReached)
    return SpeechForm(
        choice=voice_choice(await speech.requests.voices(), fields, settings.voice),
        left=usage.remaining if usage else None,
        hourly=usage.limit if usage else None,
        next_in_s=usage.reset_s if usage else None,
        is_over_limit=is_over_limit,
        fields=fields,
        error=error.message if error and not is_over_limit else None,
        error_field=error.field if isinstance(error, InvalidRequest) else None,
    )


def voice_choice(voices: Sequence[VoiceView], fields: Mapping[str, str], preferred: str) -> VoiceChoice:
    """Return the choice of voices: the requested language or else the chosen voice's, and the voice in it."""
    by_id = {voice.id: voice for voice in voices}
    if not voices:
        return VoiceChoice((), "", (), None)
    usual = by_id[default_voice(tuple(by_id), preferred)]
    chosen = by_id.get(fields.get("voice", ""), usual)
    language = fields.get("language", "")
    languages = _languages(voices)
    if language not in dict(languages):
        language = _primary(chosen)
    shown = tuple(voice for voice in voices if _primary(voice) == language)
    voice = chosen if chosen in shown else _usual(shown)
    missing = preferred if voice == usual and usual.id != preferred else ""
    return VoiceChoice(languages, language, shown, voice, missing)


async def _heard(
    speech: SpeechServices, viewer: Identity, choice: SpeechChoice
) -> SpokenSound | SpeechProgress:
    """Speak a text; return once its first sentence can be heard, or all of it if there is no other."""
    begun = await speech.long_texts.begin(viewer, choice, stream_format=STREAM_FORMATS[0])
    return await speech.long_texts.first_heard(viewer, begun.request_id)


def _usual(voices: Sequence[VoiceView]) -> VoiceView:
    """Of one language's voices return the first neural one, else its own country's, else the first."""
    own = {_primary(voices[0]), "-".join([_primary(voices[0])] * 2)}
    neural = next((voice for voice in voices if voice.is_neural), None)
    return neural or next((voice for voice in voices if voice.language.lower() in own), voices[0])


def _languages(voices: Sequence[VoiceView]) -> tuple[tuple[str, str], ...]:
    """Return each language that has a voice once, by name."""
    names = {code: language_name(code) for code in map(_primary, voices)}
    return tuple(sorted(names.items(), key=lambda entry: entry[1]))


def _primary(voice: VoiceView) -> str:
    return primary_subtag(voice.language)


def _choice(fields: Fields) -> SpeechChoice:
    """The fields of the form as those of the API. Raises InvalidRequest."""
    try:
        speed = float(fields["speed"]) if fields.get("speed") else None
    except ValueError:
        raise InvalidRequest(_("%(field)s must be a number", field=_("Speed")), field="speed") from None
    # Browsers send line breaks as two characters, and count one.
    text = fields.get("text", "").replace("\r\n", "\n")
    return parse_speech({"text": text, "voice": fields.get("voice") or None, "speed": speed})


def _page(viewer: Identity | None, form: SpeechForm, cards: tuple[SoundCard, ...]) -> SpeechPage:
    return SpeechPage(chrome=Chrome("speech", viewer), form=form, cards=cards)


async def _refused(
    posted: Posted,
    settings: Settings,
    library: LibraryServices,
    speech: SpeechServices,
    sound_cards: SoundCards,
    error: ProductError,
) -> Response[Any]:
    """The form again, with what was typed and why it was refused."""
    problem = describe(error)
    form = await speech_form(settings, speech, posted.identity, posted.fields, error)
    if posted.wants_fragments:
        response = posted.renderer.page(SpeechFormFragment(form), status=problem.status)
    else:
        cards = await spoken_cards(library, sound_cards, posted.identity)
        response = posted.renderer.page(_page(posted.identity, form, cards), status=problem.status)
    response.headers.update(problem.headers)
    return response
