"""OpenAI's speech requests, read as ours."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from webapp.errors import InvalidRequest
from webapp.policy.dialects.encodings import Encoding, openai_encoding
from webapp.policy.speech import (
    MAX_SPEED,
    MIN_SPEED,
    NORMAL_SPEED,
    VOICE_NOT_FOUND,
    SpeechChoice,
    parse_speech,
)

# Their voices, for which our default speaks.
OPENAI_VOICES: Final = frozenset(
    {
        "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
        "shimmer", "verse",
    }
)  # fmt: skip
SLOWEST: Final = 0.25
FASTEST: Final = 4.0
STREAM_FORMATS: Final = ("audio", "sse")


@dataclass(frozen=True, slots=True)
class OpenAISpeech:
    """A request for speech. `is_events`: the sound is wanted as server-sent events."""

    choice: SpeechChoice
    encoding: Encoding
    is_events: bool


def parse_openai_speech(body: Mapping[str, Any], voices: Collection[str]) -> OpenAISpeech:
    """Validate a request; `voices` are ours, by id, beside which their own names mean our default.

    `model` may be any text, and `instructions` have no effect. Raises InvalidRequest with their field.
    """
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise InvalidRequest("Model is required", field="model")
    choice = _speech(body)
    voice = _voice(body.get("voice"), voices)
    stream_format = body.get("stream_format") or "audio"
    if stream_format not in STREAM_FORMATS:
        raise InvalidRequest("stream_format must be audio or sse", field="stream_format")
    encoding = openai_encoding(body.get("response_format"))
    speed = _speed(body.get("speed"))
    return OpenAISpeech(SpeechChoice(choice.text, voice, speed), encoding, stream_format == "sse")


def _speech(body: Mapping[str, Any]) -> SpeechChoice:
    try:
        return parse_speech({"text": body.get("input")})
    except InvalidRequest as error:
        raise InvalidRequest(error.message, field="input") from error


def _voice(value: object, voices: Collection[str]) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("id")
    if not isinstance(value, str) or not value:
        raise InvalidRequest("Voice is required", field="voice")
    if value in voices:
        return value
    if value in OPENAI_VOICES:
        return None
    raise InvalidRequest(VOICE_NOT_FOUND, field="voice")


def _speed(value: object) -> float:
    if value is None:
        return NORMAL_SPEED
    if isinstance(value, bool) or not isinstance(value, int | float) or not SLOWEST <= value <= FASTEST:
        raise InvalidRequest(f"speed must be a number from {SLOWEST:g} to {FASTEST:g}", field="speed")
    # Our voices do not go as far; the nearest that they can do.
    return min(max(float(value), MIN_SPEED), MAX_SPEED)
