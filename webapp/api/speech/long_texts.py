"""Texts that are heard while they are spoken, watched and cancelled."""

from typing import Annotated, Any, Final

from litestar import Controller, Request, Response, delete, get, post
from litestar.openapi.spec import Schema
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.queue.idempotency import once_under_key
from webapp.api.shared import examples
from webapp.api.shared.limits import speech_announced
from webapp.api.speech.schemas import SpeechBody, SpeechRequestStatus, StreamBody, speech_request
from webapp.http.dependencies import InjectedSettings, InjectedShared, InjectedSpeech, InjectedStreams
from webapp.http.middleware.prefix import public_path
from webapp.http.openapi import BEARER_SECURITY, IDEMPOTENCY_KEY, describes, header, problems
from webapp.http.requests.body import read_json_object
from webapp.http.streams.speech_stream import MEDIA_TYPES, speech_stream
from webapp.policy.speech import parse_speech, parse_stream_format
from webapp.services.speech import AcceptedSpeech

AnyRequest = Request[Any, Any, Any]
RequestId = Annotated[
    str,
    PathParameter(
        description="The request's id, of 12 hexadecimal digits.",
        schema_extra={"pattern": "^[0-9a-f]{12}$"},
    ),
]
STREAM: Final = {media_type: Schema() for media_type in MEDIA_TYPES.values()}


class LongTextController(Controller):
    """Speech that is heard as it is spoken."""

    tags = ("Speech",)
    dependencies = AUTHENTICATION
    security = BEARER_SECURITY

    @post(
        "/api/tts/stream",
        status_code=200,
        summary="Speak a text and hear it meanwhile",
        operation_class=describes(
            reads=StreamBody,
            body_examples=examples.SPEECH_STREAM_BODIES,
            gives={
                "Generation-Id": header("The sound's id, once it is in the library.", "0123456789abcdef0123"),
                "Speech-Request": header("Where it is watched and cancelled.", "a1b2c3d4e5f6"),
            },
            content=STREAM,
            is_limited=True,
        ),
        response_description="The text sentence by sentence. The end comes when the sound is in the library.",
        responses=problems(400, 401, 408, 409, 413, 415, 429, 503, 507),
    )
    async def stream(
        self,
        request: AnyRequest,
        settings: InjectedSettings,
        speech: InjectedSpeech,
        streams: InjectedStreams,
        identity: InjectedIdentity,
    ) -> ASGIResponse:
        """Speak a text, and send each sentence as soon as it is spoken.

        Each sentence has the gain that suits the first one. The sound in the library is the same as from
        `/api/tts/generate`, levelled as a whole. Whoever leaves finds it there too: to stop the speaking,
        cancel the request. An answer that breaks off was not spoken to its end.
        """
        async with speech_announced(request, speech, identity):
            body = await read_json_object(request)
            choice, stream_format = parse_speech(body), parse_stream_format(body)
            progress = await speech.long_texts.begin(identity, choice, stream_format=stream_format)
            headers = {"Generation-Id": progress.generation_id, "Speech-Request": progress.request_id}
            return await speech_stream(request, settings, speech, streams, identity, progress, headers)

    @post(
        "/api/tts/requests",
        status_code=202,
        summary="Speak a long text",
        operation_class=describes(
            reads=SpeechBody,
            body_examples=examples.SPEECH_BODIES,
            takes=(IDEMPOTENCY_KEY,),
            gives={"Location": header("Where it is watched.", "/api/tts/requests/a1b2c3d4e5f6")},
            is_limited=True,
        ),
        response_description="The text will be spoken.",
        responses=problems(400, 401, 408, 413, 415, 422, 429, 503, 507),
    )
    async def accept(
        self, request: AnyRequest, speech: InjectedSpeech, shared: InjectedShared, identity: InjectedIdentity
    ) -> Response[SpeechRequestStatus]:
        """Speak a text without waiting for it: ask how far it is, and cancel it if need be."""
        async with speech_announced(request, speech, identity):
            body = await read_json_object(request)
            once = once_under_key(request, shared, identity, AcceptedSpeech, body)
            progress = await speech.long_texts.begin(identity, parse_speech(body), once=once)
        location = public_path(f"/api/tts/requests/{progress.request_id}")
        return Response(speech_request(progress), status_code=202, headers={"Location": location})

    @get(
        "/api/tts/requests/{request_id:str}",
        summary="How far a text is",
        operation_class=describes(),
        responses=problems(401, 404, 429),
    )
    async def progress(
        self, request_id: RequestId, speech: InjectedSpeech, identity: InjectedIdentity
    ) -> SpeechRequestStatus:
        """The number of its sentences that are spoken, and its end; for a day after that."""
        return speech_request(await speech.long_texts.progress(identity, request_id))

    @delete(
        "/api/tts/requests/{request_id:str}",
        status_code=200,
        summary="Cancel a text",
        operation_class=describes(),
        responses=problems(401, 404, 409, 429),
    )
    async def cancel(
        self, request_id: RequestId, speech: InjectedSpeech, identity: InjectedIdentity
    ) -> SpeechRequestStatus:
        """Speak no more of a text. It leaves no sound, and counts for nothing."""
        return speech_request(await speech.long_texts.cancel(identity, request_id))
