"""Text to speech."""

from typing import Annotated, Any, Final

from litestar import Controller, HttpMethod, Request, Response, get, post, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.queue.idempotency import once_under_key
from webapp.api.shared import examples
from webapp.api.shared.limits import speech_announced
from webapp.api.speech.schemas import SpeechBody, Spoken, VoiceList, spoken, voice_list
from webapp.errors import NotFound
from webapp.http.dependencies import InjectedShared, InjectedSpeech
from webapp.http.files.file_response import FileAnswer
from webapp.http.middleware.prefix import public_path
from webapp.http.openapi import BEARER_SECURITY, IDEMPOTENCY_KEY, binary, describes, header, problems
from webapp.http.prepared import Prepare
from webapp.http.requests.body import read_json_object
from webapp.http.requests.query import only
from webapp.policy.speech import MAX_VOICE_CHARACTERS, VOICE_NOT_FOUND, parse_speech
from webapp.services.speech import AcceptedSpeech

AnyRequest = Request[Any, Any, Any]
WAV: Final = "audio/wav"
VoiceId = Annotated[
    str,
    PathParameter(
        description="A voice's id.", schema_extra={"minLength": 1, "maxLength": MAX_VOICE_CHARACTERS}
    ),
]
voices_answer = Prepare(voice_list)


class SpeechController(Controller):
    """Voices, and texts spoken with them."""

    tags = ("Speech",)

    @get(
        "/api/voices",
        summary="Voices",
        before_request=only(),
        operation_class=describes(),
        responses=problems(400),
    )
    async def voices(self, speech: InjectedSpeech) -> Response[VoiceList]:
        """The voices that can be spoken with now: neural ones first; none while no speech worker runs."""
        return voices_answer(await speech.requests.voices())

    @post(
        "/api/tts/generate",
        summary="Speak a text",
        dependencies=AUTHENTICATION,
        security=BEARER_SECURITY,
        operation_class=describes(
            reads=SpeechBody,
            body_examples=examples.SPEECH_BODIES,
            takes=(IDEMPOTENCY_KEY,),
            gives={
                "Location": header("Where the sound is in the library.", "/api/library/0123456789abcdef0123")
            },
            is_limited=True,
        ),
        response_description="The text is spoken; the sound is in the account's library.",
        responses=problems(400, 401, 408, 413, 415, 422, 429, 503, 507),
    )
    async def generate(
        self, request: AnyRequest, speech: InjectedSpeech, shared: InjectedShared, identity: InjectedIdentity
    ) -> Response[Spoken]:
        """Speak a text of 1 to 5,000 characters. The answer comes when the sound is there.

        The same text, voice and speed give the same bytes, in a sound of its own each time. `Idempotency-Key`
        makes a repetition safe for a day.
        """
        async with speech_announced(request, speech, identity):
            body = await read_json_object(request)
            choice = parse_speech(body)
            once = once_under_key(request, shared, identity, AcceptedSpeech, body)
            sound = await speech.requests.speak(identity, choice, once=once)
        location = public_path(f"/api/library/{sound.generation_id}")
        return Response(spoken(sound), status_code=201, headers={"Location": location})

    @route(
        "/api/tts/sample/{voice:str}",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        summary="A voice's sample",
        operation_class=describes(
            gives={"Accept-Ranges": header("Parts can be asked for with `Range`.", "bytes")},
            content=binary(WAV),
        ),
        responses={
            206: ResponseSpec(None, description="The part that `Range` asks for."),
            304: ResponseSpec(None, description="The reader's copy is still right."),
            **problems(404, 412, 416, 503),
        },
    )
    async def sample(self, request: AnyRequest, voice: VoiceId, speech: InjectedSpeech) -> FileAnswer:
        """A short WAV in a voice: made when it is first asked for, the same from then on."""
        try:
            return await FileAnswer.of(speech.requests.sample(voice), WAV, request)
        except FileNotFoundError as error:
            raise NotFound(VOICE_NOT_FOUND) from error
