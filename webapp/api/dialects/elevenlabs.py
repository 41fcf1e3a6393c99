"""ElevenLabs' endpoints for sound effects, music, voices and speech."""

from typing import Annotated, Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.params import PathParameter, QueryParameter
from litestar.response.base import ASGIResponse
from msgspec import Struct

from webapp.api.accounts.authentication import (
    InjectedIdentity,
)
from webapp.api.dialects.answers import MadeSound, made, sound_answer
from webapp.api.dialects.problems import ElevenLabsError, elevenlabs_problem, shaped_problems
from webapp.api.dialects.schemas import (
    ElevenLabsMusicBody,
    ElevenLabsSoundBody,
    ElevenLabsSpeechBody,
    ElevenLabsVoice,
    ElevenLabsVoices,
    elevenlabs_voice,
    elevenlabs_voices,
)
from webapp.api.dialects.waiting import WAITING, InjectedFollower, InjectedVendorEar
from webapp.api.queue.listening import streamed
from webapp.api.shared.limits import hour_announced, speech_announced
from webapp.errors import NotFound
from webapp.http.dependencies import (
    InjectedAccounts,
    InjectedLibrary,
    InjectedSettings,
    InjectedSpeech,
    InjectedStreams,
)
from webapp.http.errors import PROBLEM_SHAPE
from webapp.http.files.conversion import InjectedConversions
from webapp.http.openapi import KEY_SECURITY, binary, describes, problems
from webapp.http.requests.body import read_json_object
from webapp.http.streams.speech_stream import speech_stream
from webapp.policy.dialects.elevenlabs import parse_music, parse_sound, parse_spoken
from webapp.policy.dialects.encodings import elevenlabs_encoding
from webapp.policy.speech import VOICE_NOT_FOUND

AnyRequest = Request[Any, Any, Any]
SOUND: Final = binary("audio/mpeg", "audio/ogg", "audio/wav", "audio/pcm", "audio/basic")
SOUND_EXAMPLES: Final[dict[str, dict[str, Any]]] = {"usual": {"text": "a door creaks", "duration_seconds": 4}}
MUSIC_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "usual": {"prompt": "slow piano over soft strings", "music_length_ms": 10_000}
}
SPEECH_EXAMPLES: Final[dict[str, dict[str, Any]]] = {"usual": {"text": "The rain has stopped."}}
STATUSES: Final = (401, 408, 409, 413, 415, 422, 429, 503, 507)
OutputFormat = Annotated[
    str | None,
    QueryParameter(
        description="Such as mp3_44100_128 or pcm_16000. Bit rates are those of the library's files."
    ),
]
VoiceId = Annotated[str, PathParameter(description="A voice of this server, or an id of ElevenLabs' form.")]


def sends_sound(
    path: str, summary: str, body: type[Struct], examples: dict[str, dict[str, Any]], *statuses: int
) -> post:
    """Return the decorator of a handler that reads JSON and answers with a sound."""
    return post(
        path,
        summary=summary,
        status_code=200,
        operation_class=describes(reads=body, body_examples=examples, content=SOUND, is_limited=True),
        response_description="The sound; it is in the account's library as well.",
        responses=shaped_problems(ElevenLabsError, *statuses, *STATUSES),
    )


class ElevenLabsController(Controller):
    """The endpoints that ElevenLabs' clients ask for."""

    path = "/v1"
    tags = ("ElevenLabs",)
    opt = {PROBLEM_SHAPE: elevenlabs_problem}  # noqa: RUF012  # the framework's own form
    dependencies = WAITING
    security = KEY_SECURITY

    @sends_sound("/sound-generation", "Make a sound effect (ElevenLabs)", ElevenLabsSoundBody, SOUND_EXAMPLES)
    async def sound(
        self,
        request: AnyRequest,
        accounts: InjectedAccounts,
        library: InjectedLibrary,
        conversions: InjectedConversions,
        identity: InjectedIdentity,
        follower: InjectedFollower,
        output_format: OutputFormat = None,
    ) -> ASGIResponse:
        """Waits in the queue like any job; `loop` is `loopable`."""
        encoding = elevenlabs_encoding(output_format)
        async with hour_announced(request, accounts, identity):
            choice = parse_sound(await read_json_object(request))
            sound = await made(follower, choice)
        return await sound_answer(library, conversions, sound, encoding)

    @sends_sound("/music", "Make music (ElevenLabs)", ElevenLabsMusicBody, MUSIC_EXAMPLES)
    async def music(
        self,
        request: AnyRequest,
        accounts: InjectedAccounts,
        library: InjectedLibrary,
        conversions: InjectedConversions,
        identity: InjectedIdentity,
        follower: InjectedFollower,
        output_format: OutputFormat = None,
    ) -> ASGIResponse:
        """Waits in the queue like any job. The music is instrumental."""
        encoding = elevenlabs_encoding(output_format)
        async with hour_announced(request, accounts, identity):
            choice = parse_music(await read_json_object(request))
            sound = await made(follower, choice)
        return await sound_answer(library, conversions, sound, encoding)

    @sends_sound(
        "/music/stream",
        "Make music, and send it meanwhile (ElevenLabs)",
        ElevenLabsMusicBody,
        MUSIC_EXAMPLES,
    )
    async def music_stream(
        self,
        request: AnyRequest,
        ear: InjectedVendorEar,
        accounts: InjectedAccounts,
        streams: InjectedStreams,
        conversions: InjectedConversions,
        follower: InjectedFollower,
        output_format: OutputFormat = None,
    ) -> ASGIResponse:
        """As `/job/{job_id}/stream`, for formats that the library keeps; others come when all is made."""
        encoding, identity = elevenlabs_encoding(output_format), ear.reader.identity
        async with hour_announced(request, accounts, identity):
            choice = parse_music(await read_json_object(request))
            if encoding.stored is None:
                sound = await made(follower, choice)
                return await sound_answer(ear.library, conversions, sound, encoding)
            release = await streams.sounds.hold(identity.account_id, "")
            try:
                submitted = await ear.queue.submissions.submit(identity, choice)
                job = await ear.job(submitted.job_id)
                answer = await streamed(ear, streams, job, encoding.stored, release)
            except BaseException:
                release()
                raise
        answer.headers["x-job-id"] = submitted.job_id
        return answer

    @sends_sound(
        "/text-to-speech/{voice_id:str}",
        "Speak a text (ElevenLabs)",
        ElevenLabsSpeechBody,
        SPEECH_EXAMPLES,
        404,
    )
    async def speech(
        self,
        request: AnyRequest,
        voice_id: VoiceId,
        speech: InjectedSpeech,
        library: InjectedLibrary,
        conversions: InjectedConversions,
        identity: InjectedIdentity,
        output_format: OutputFormat = None,
    ) -> ASGIResponse:
        """For an id of ElevenLabs' form that is none of this server's voices, the default speaks."""
        encoding = elevenlabs_encoding(output_format)
        async with speech_announced(request, speech, identity):
            body = await read_json_object(request)
            voices = {voice.id for voice in await speech.requests.voices()}
            sound = await speech.requests.speak(identity, parse_spoken(body, voice_id, voices))
        return await sound_answer(library, conversions, MadeSound(sound.generation_id), encoding)

    @sends_sound(
        "/text-to-speech/{voice_id:str}/stream",
        "Speak a text, and send it meanwhile (ElevenLabs)",
        ElevenLabsSpeechBody,
        SPEECH_EXAMPLES,
        404,
    )
    async def speech_stream(
        self,
        request: AnyRequest,
        voice_id: VoiceId,
        speech: InjectedSpeech,
        settings: InjectedSettings,
        streams: InjectedStreams,
        ear: InjectedVendorEar,
        conversions: InjectedConversions,
        output_format: OutputFormat = None,
    ) -> ASGIResponse:
        """Sentence by sentence, for formats that the library keeps; others come when all is spoken."""
        encoding, identity = elevenlabs_encoding(output_format), ear.reader.identity
        async with speech_announced(request, speech, identity):
            body = await read_json_object(request)
            voices = {voice.id for voice in await speech.requests.voices()}
            choice = parse_spoken(body, voice_id, voices)
            if encoding.stored is None:
                sound = await speech.requests.speak(identity, choice)
                return await sound_answer(ear.library, conversions, MadeSound(sound.generation_id), encoding)
            progress = await speech.long_texts.begin(identity, choice, stream_format=encoding.stored)
            headers = {"x-generation-id": progress.generation_id}
            return await speech_stream(request, settings, speech, streams, identity, progress, headers)


class ElevenLabsVoiceController(Controller):
    """The voices, as ElevenLabs' clients ask for them."""

    tags = ("ElevenLabs",)
    opt = {PROBLEM_SHAPE: elevenlabs_problem}  # noqa: RUF012  # the framework's own form

    @get(
        "/v1/voices",
        summary="Voices (ElevenLabs)",
        operation_class=describes(),
        responses={**problems(400), **shaped_problems(ElevenLabsError)},
    )
    async def voices(self, speech: InjectedSpeech) -> Response[ElevenLabsVoices]:
        """All voices that can be spoken with now."""
        return Response(elevenlabs_voices(await speech.requests.voices()))

    @get(
        "/v2/voices",
        summary="Search voices (ElevenLabs)",
        operation_class=describes(),
        responses={**problems(400), **shaped_problems(ElevenLabsError)},
    )
    async def search(
        self,
        speech: InjectedSpeech,
        search: Annotated[
            str | None, QueryParameter(description="A part of a voice's name or language.")
        ] = None,
    ) -> Response[ElevenLabsVoices]:
        """The voices that can be spoken with now, in one page."""
        wanted = (search or "").casefold()
        found = [
            voice
            for voice in await speech.requests.voices()
            if wanted in voice.name.casefold() or wanted in voice.language.casefold()
        ]
        return Response(elevenlabs_voices(tuple(found)))

    @get(
        "/v1/voices/{voice_id:str}",
        summary="One voice (ElevenLabs)",
        operation_class=describes(),
        responses=shaped_problems(ElevenLabsError, 404),
    )
    async def voice(self, voice_id: VoiceId, speech: InjectedSpeech) -> Response[ElevenLabsVoice]:
        """A voice that can be spoken with now."""
        found = next((voice for voice in await speech.requests.voices() if voice.id == voice_id), None)
        if found is None:
            raise NotFound(VOICE_NOT_FOUND)
        return Response(elevenlabs_voice(found))
