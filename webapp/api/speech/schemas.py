"""The requests and answers of the speech endpoints."""

from typing import Annotated, Final, Literal, cast

from msgspec import UNSET, Meta, Struct, UnsetType

from webapp.errors import SpeechFailed
from webapp.http.middleware.prefix import public_path
from webapp.policy.generation import PROMPT_PATTERN
from webapp.policy.speech import MAX_SPEED, MAX_TEXT_CHARACTERS, MIN_SPEED, MOST_DUCKING_DB
from webapp.services.speech import SpeechProgress, SpokenSound, VoiceView

EXAMPLE_VOICE: Final = "hibari-heart"
VoiceName = Annotated[str, Meta(description="The voice's id.", examples=[EXAMPLE_VOICE])]


class SpeechBody(Struct, frozen=True):
    """A text to speak."""

    text: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_TEXT_CHARACTERS,
            pattern=PROMPT_PATTERN,
            description="Plain text in any script; markup is read as text. A line is a paragraph.",
            examples=["The rain in Spain stays mainly in the plain."],
        ),
    ]
    voice: (
        Annotated[
            str, Meta(description="A voice's id; without one the server chooses.", examples=[EXAMPLE_VOICE])
        ]
        | UnsetType
        | None
    ) = UNSET
    speed: (
        Annotated[float, Meta(ge=MIN_SPEED, le=MAX_SPEED, description="1 is the voice's own.", examples=[1])]
        | UnsetType
        | None
    ) = UNSET
    pitch: (
        Annotated[float, Meta(ge=MIN_SPEED, le=MAX_SPEED, description="1 is the voice's own.", examples=[1])]
        | UnsetType
        | None
    ) = UNSET
    markup: (
        Annotated[
            Literal["plain", "ssml"],
            Meta(description="`ssml`: the text has elements of SSML, of which a small part is understood."),
        ]
        | UnsetType
        | None
    ) = UNSET
    over: (
        Annotated[
            str,
            Meta(
                pattern="^([0-9a-f]{20})?$",
                description="The id of a sound of the library, which the text is spoken over.",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET
    ducking_db: (
        Annotated[
            float,
            Meta(ge=0, le=MOST_DUCKING_DB, description="How much quieter that sound is during speech; 12."),
        ]
        | UnsetType
        | None
    ) = UNSET


class StreamBody(SpeechBody, frozen=True):
    """A text to speak and to hear meanwhile."""

    format: (
        Annotated[
            Literal["mp3", "ogg", "flac", "wav"],
            Meta(description="The format of the stream: `mp3` without one. `ogg` comes in larger pieces."),
        ]
        | UnsetType
        | None
    ) = UNSET


class SpeechRequestStatus(Struct, frozen=True):
    """The progress of a text."""

    request_id: Annotated[str, Meta(pattern="^[0-9a-f]{12}$", examples=["a1b2c3d4e5f6"])]
    status: Literal["queued", "processing", "completed", "failed"]
    sentences: Annotated[int, Meta(ge=0, description="0 until it is known how many there are.")]
    sentences_done: Annotated[int, Meta(ge=0)]
    progress_pct: Annotated[int, Meta(ge=0, le=100)]
    voice: VoiceName
    generation_id: Annotated[str, Meta(pattern="^[0-9a-f]{20}$", examples=["0123456789abcdef0123"])]
    audio_url: Annotated[str | None, Meta(description="Where the sound is, once it is spoken.")]
    captions_url: Annotated[str | None, Meta(description="When each sentence is heard, as WebVTT.")]
    duration: Annotated[float | None, Meta(description="Seconds, once it is spoken.")]
    error: Annotated[str | None, Meta(description="Why it failed.")]


class Spoken(Struct, frozen=True):
    """A text that was spoken; its sound is in the account's library."""

    success: bool
    audio_url: Annotated[str, Meta(examples=["/audio/0123456789abcdef0123.wav"])]
    duration: Annotated[float, Meta(ge=0, description="Seconds, to the millisecond.", examples=[2.7])]
    generation_id: Annotated[str, Meta(pattern="^[0-9a-f]{20}$", examples=["0123456789abcdef0123"])]
    voice: VoiceName


class VoiceList(Struct, frozen=True):
    """The voices that can be spoken with now."""

    voices: tuple[VoiceView, ...]
    total: Annotated[int, Meta(ge=0)]


def spoken(sound: SpokenSound) -> Spoken:
    """The answer that tells of a spoken text."""
    return Spoken(
        True, public_path(sound.url()), round(sound.duration_s, 3), sound.generation_id, sound.voice
    )


def voice_list(voices: tuple[VoiceView, ...]) -> VoiceList:
    """The answer that lists voices."""
    return VoiceList(voices, len(voices))


def speech_request(progress: SpeechProgress) -> SpeechRequestStatus:
    """The answer that tells how far a text is."""
    is_spoken = progress.status == "completed"
    sound = SpokenSound(progress.generation_id, progress.voice, progress.duration_s or 0)
    return SpeechRequestStatus(
        request_id=progress.request_id,
        status=cast("Literal['queued', 'processing', 'completed', 'failed']", progress.status),
        sentences=progress.sentences,
        sentences_done=progress.sentences_done,
        progress_pct=progress.percent,
        voice=progress.voice,
        generation_id=progress.generation_id,
        audio_url=public_path(sound.url()) if is_spoken else None,
        captions_url=public_path(f"/captions/{progress.generation_id}.vtt") if is_spoken else None,
        duration=round(sound.duration_s, 3) if is_spoken else None,
        error=(progress.refusal or SpeechFailed().message) if progress.status == "failed" else None,
    )
