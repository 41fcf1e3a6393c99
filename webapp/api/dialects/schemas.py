"""The requests and answers of other vendors' endpoints, as far as they are heeded."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from webapp.http.middleware.prefix import public_path
from webapp.policy.generation import MAX_PROMPT_CHARACTERS, MAX_SEED
from webapp.policy.speech import MAX_TEXT_CHARACTERS
from webapp.services.speech import VoiceView


class OpenAISpeechBody(Struct, frozen=True):
    """A text to speak, as OpenAI's clients send it."""

    model: Annotated[str, Meta(min_length=1, description="Any name: one engine speaks.", examples=["tts-1"])]
    input: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
    voice: Annotated[
        str,
        Meta(description="A voice of this server, or one of OpenAI's, for which the default speaks."),
    ]
    response_format: Annotated[str, Meta(description="mp3, opus, flac, wav or pcm.", examples=["mp3"])] = (
        "mp3"
    )
    speed: Annotated[
        float, Meta(ge=0.25, le=4, description="What is below 0.5 or above 2 is brought there.")
    ] = 1.0
    stream_format: Annotated[str, Meta(description="audio, or sse for server-sent events.")] = "audio"


class OpenAIModel(Struct, frozen=True):
    """A model of this server."""

    id: Annotated[str, Meta(examples=["music"])]
    object: Annotated[str, Meta(examples=["model"])] = "model"
    created: Annotated[int, Meta(description="Always 0: models have no date here.")] = 0
    owned_by: Annotated[str, Meta(description="The engine that serves it.")] = "soundloom"


class OpenAIModelList(Struct, frozen=True):
    """The models that can be asked for."""

    data: tuple[OpenAIModel, ...]
    object: Annotated[str, Meta(examples=["list"])] = "list"


class ElevenLabsSoundBody(Struct, frozen=True):
    """A sound effect, as ElevenLabs' clients ask for it."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT_CHARACTERS)]
    loop: Annotated[bool, Meta(description="Make the end flow into the start.")] | None = None
    duration_seconds: (
        Annotated[float, Meta(ge=0.5, le=30, description="8 without it; 1 at least.")] | None
    ) = None
    prompt_influence: (
        Annotated[float, Meta(ge=0, le=1, description="Ten times this is the guidance.")] | None
    ) = None
    model_id: str | None = None


class ElevenLabsMusicBody(Struct, frozen=True):
    """Music, as ElevenLabs' clients ask for it."""

    prompt: Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT_CHARACTERS)] | None = None
    composition_plan: (
        Annotated[dict[str, Any], Meta(description="Instead of a prompt: its styles are the prompt.")] | None
    ) = None
    music_length_ms: Annotated[int, Meta(ge=3_000, le=600_000, description="30,000 without it.")] | None = (
        None
    )
    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)] | None = None
    model_id: str | None = None


class ElevenLabsSpeechBody(Struct, frozen=True):
    """A text to speak, as ElevenLabs' clients send it."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
    model_id: str | None = None
    voice_settings: Annotated[dict[str, Any], Meta(description="`speed` is heeded.")] | None = None


class ElevenLabsVoice(Struct, frozen=True):
    """A voice of this server."""

    voice_id: str
    name: str
    category: Annotated[str, Meta(examples=["premade"])]
    description: str
    preview_url: str
    labels: dict[str, str]


class ElevenLabsVoices(Struct, frozen=True):
    """All voices, in one page."""

    voices: tuple[ElevenLabsVoice, ...]
    total_count: int
    has_more: bool = False
    next_page_token: str | None = None


def elevenlabs_voice(voice: VoiceView) -> ElevenLabsVoice:
    """Return a voice as ElevenLabs' clients read it."""
    return ElevenLabsVoice(
        voice_id=voice.id,
        name=voice.name,
        category="premade",
        description=voice.description,
        preview_url=public_path(f"/api/tts/sample/{voice.id}"),
        labels={"language": voice.language, "license": voice.license},
    )


def elevenlabs_voices(voices: tuple[VoiceView, ...]) -> ElevenLabsVoices:
    """Return the voices as ElevenLabs' clients read them."""
    return ElevenLabsVoices(tuple(map(elevenlabs_voice, voices)), len(voices))
