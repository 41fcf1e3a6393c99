"""The requests and answers of the speech endpoints."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from webapp.http.middleware.prefix import public_path
from webapp.policy.generation import PROMPT_PATTERN
from webapp.policy.speech import MAX_SPEED, MAX_TEXT_CHARACTERS, MIN_SPEED
from webapp.services.speech import SpokenSound, VoiceView

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
