"""OpenAI's speech endpoint, and its list of models."""

import base64
from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.dialects.answers import MadeSound, sound_answer, sound_bytes
from webapp.api.dialects.problems import OpenAIError, openai_problem, shaped_problems
from webapp.api.dialects.schemas import OpenAIModel, OpenAIModelList, OpenAISpeechBody
from webapp.api.shared.limits import speech_announced
from webapp.errors import NotFound
from webapp.http.dependencies import InjectedLibrary, InjectedSpeech, InjectedWorkers
from webapp.http.errors import PROBLEM_SHAPE
from webapp.http.files.conversion import InjectedConversions
from webapp.http.openapi import BEARER_SECURITY, binary, describes, problems
from webapp.http.requests.body import read_json_object
from webapp.http.streams.sse import EVENT_STREAM
from webapp.policy.dialects.openai import parse_openai_speech
from webapp.services.workers.status import UNAVAILABLE

AnyRequest = Request[Any, Any, Any]
SOUND: Final = binary("audio/mpeg", "audio/ogg", "audio/flac", "audio/wav", "audio/pcm", EVENT_STREAM)
SPEECH_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "usual": {"model": "tts-1", "voice": "alloy", "input": "The rain in Spain stays mainly in the plain."},
}
MODEL_NOT_FOUND: Final = "There is no such model"
# Of the encoded sound in one event.
EVENT_CHARACTERS: Final = 64 * 1024


class OpenAIController(Controller):
    """The endpoints that OpenAI's clients ask for."""

    path = "/v1"
    tags = ("OpenAI",)
    opt = {PROBLEM_SHAPE: openai_problem}  # noqa: RUF012  # the framework's own form

    @post(
        "/audio/speech",
        summary="Speak a text (OpenAI)",
        status_code=200,
        dependencies=AUTHENTICATION,
        security=BEARER_SECURITY,
        operation_class=describes(
            reads=OpenAISpeechBody,
            body_examples=SPEECH_EXAMPLES,
            content=SOUND,
            is_limited=True,
            has_own_400=True,
        ),
        response_description="The sound; it is in the account's library as well.",
        responses=shaped_problems(OpenAIError, 400, 401, 408, 413, 415, 429, 503, 507),
    )
    async def speech(
        self,
        request: AnyRequest,
        speech: InjectedSpeech,
        library: InjectedLibrary,
        conversions: InjectedConversions,
        identity: InjectedIdentity,
    ) -> ASGIResponse:
        """The sound itself, as OpenAI's API answers. `instructions` have no effect."""
        async with speech_announced(request, speech, identity):
            body = await read_json_object(request)
            voices = {voice.id for voice in await speech.requests.voices()}
            wanted = parse_openai_speech(body, voices)
            sound = await speech.requests.speak(identity, wanted.choice)
        made = MadeSound(sound.generation_id)
        if not wanted.is_events:
            return await sound_answer(library, conversions, made, wanted.encoding)
        encoded = await sound_bytes(library, conversions, made, wanted.encoding)
        return ASGIResponse(body=_events(encoded), media_type=EVENT_STREAM)

    @get(
        "/models",
        summary="Models (OpenAI)",
        operation_class=describes(),
        responses={**problems(400), **shaped_problems(OpenAIError)},
    )
    async def models(self, workers: InjectedWorkers) -> Response[OpenAIModelList]:
        """The models that can make something now; `tts` speaks."""
        return Response(OpenAIModelList(await _models(workers)))

    @get(
        "/models/{model:str}",
        summary="One model (OpenAI)",
        operation_class=describes(),
        responses=shaped_problems(OpenAIError, 404),
    )
    async def model(
        self,
        model: Annotated[str, PathParameter(description="The model's id.")],
        workers: InjectedWorkers,
    ) -> Response[OpenAIModel]:
        """A model that can make something now."""
        found = next((one for one in await _models(workers) if one.id == model), None)
        if found is None:
            raise NotFound(MODEL_NOT_FOUND)
        return Response(found)


async def _models(workers: InjectedWorkers) -> tuple[OpenAIModel, ...]:
    report = await workers.status.report()
    return tuple(
        OpenAIModel(name, owned_by=report.engines[name].engine if name in report.engines else "soundloom")
        for name, state in report.models.items()
        if state != UNAVAILABLE
    )


def _events(sound: bytes) -> bytes:
    """Return a sound as the events of OpenAI's `stream_format` sse."""
    encoded = base64.b64encode(sound).decode()
    pieces = [encoded[start : start + EVENT_CHARACTERS] for start in range(0, len(encoded), EVENT_CHARACTERS)]
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    events: list[dict[str, Any]] = [{"type": "speech.audio.delta", "audio": piece} for piece in pieces]
    events.append({"type": "speech.audio.done", "usage": usage})
    return b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events)
