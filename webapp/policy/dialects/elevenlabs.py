"""ElevenLabs' requests for sounds, music and speech, read as ours."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from webapp.errors import InvalidRequest, NotFound
from webapp.policy.generation import MIN_DURATION_S, GenerationChoice, parse_generation
from webapp.policy.speech import (
    MAX_SPEED,
    MIN_SPEED,
    NORMAL_SPEED,
    VOICE_NOT_FOUND,
    SpeechChoice,
    parse_speech,
)

DEFAULT_SOUND_S: Final = 8.0
DEFAULT_MUSIC_S: Final = 30.0
SHORTEST_SOUND_S: Final = 0.5
LONGEST_SOUND_S: Final = 30.0
SHORTEST_MUSIC_MS: Final = 3_000
LONGEST_MUSIC_MS: Final = 600_000
# Their scale of 0 to 1, where 0.3 is usual, is read as guidance of 0 to 10, where 3 is.
GUIDANCE_PER_INFLUENCE: Final = 10.0
# The ids of their voices, which are not ours: our default speaks.
_THEIR_VOICE: Final = re.compile("[A-Za-z0-9]{20}")
_SPOKEN_SPEED: Final = (0.25, 4.0)


def parse_sound(body: Mapping[str, Any]) -> GenerationChoice:
    """Read a request for a sound effect. Raises InvalidRequest with their field."""
    duration_s = _number(body, "duration_seconds", SHORTEST_SOUND_S, LONGEST_SOUND_S)
    influence = _number(body, "prompt_influence", 0.0, 1.0)
    request = {
        "prompt": body.get("text"),
        "model": "audio",
        "duration": max(MIN_DURATION_S, DEFAULT_SOUND_S if duration_s is None else duration_s),
        "loopable": body.get("loop") or False,
    }
    if influence is not None:
        request["guidance"] = influence * GUIDANCE_PER_INFLUENCE
    return _renamed(request, {"prompt": "text", "loopable": "loop", "duration": "duration_seconds"})


def parse_music(body: Mapping[str, Any]) -> GenerationChoice:
    """Read a request for music: a prompt, or a plan of sections, whose styles become the prompt.

    Nobody sings here, so lyrics have no effect. Raises InvalidRequest with their field.
    """
    plan = body.get("composition_plan")
    length_ms = _number(body, "music_length_ms", SHORTEST_MUSIC_MS, LONGEST_MUSIC_MS)
    prompt, field = body.get("prompt"), "prompt"
    if plan is not None and prompt is not None:
        raise InvalidRequest("Send either prompt or composition_plan", field="composition_plan")
    if plan is not None:
        field = "composition_plan"
        prompt, planned_ms = _read_plan(plan)
        length_ms = planned_ms if length_ms is None else length_ms
    request = {
        "prompt": prompt,
        "model": "music",
        "duration": DEFAULT_MUSIC_S if length_ms is None else length_ms / 1000,
        "seed": body.get("seed"),
    }
    return _renamed(request, {"prompt": field, "duration": "music_length_ms"})


def parse_spoken(body: Mapping[str, Any], voice_id: str, voices: Collection[str]) -> SpeechChoice:
    """Read a request for speech; `voices` are ours, by id, beside which ids of their form mean our default.

    Raises InvalidRequest with their field, and NotFound for a voice.
    """
    if voice_id not in voices and not _THEIR_VOICE.fullmatch(voice_id):
        raise NotFound(VOICE_NOT_FOUND)
    voice_settings = body.get("voice_settings")
    settings = voice_settings if isinstance(voice_settings, Mapping) else {}
    speed = _number(settings, "speed", *_SPOKEN_SPEED)
    text = parse_speech({"text": body.get("text")}).text
    speed = NORMAL_SPEED if speed is None else min(max(speed, MIN_SPEED), MAX_SPEED)
    return SpeechChoice(text, voice_id if voice_id in voices else None, speed)


def _renamed(request: Mapping[str, Any], names: Mapping[str, str]) -> GenerationChoice:
    try:
        return parse_generation(request)
    except InvalidRequest as error:
        field = names.get(error.field or "", error.field)
        raise InvalidRequest(error.message, field=field) from error


def _read_plan(plan: object) -> tuple[str, int | None]:
    """Return a plan's styles as a prompt, and its length in milliseconds, if it has one."""
    field = "composition_plan"
    if not isinstance(plan, Mapping):
        raise InvalidRequest("composition_plan must be an object", field=field)
    sections = plan.get("sections") or []
    if not isinstance(sections, list) or not all(isinstance(section, Mapping) for section in sections):
        raise InvalidRequest("sections must be a list of objects", field=field)
    styles = _texts(plan.get("positive_global_styles"))
    for section in sections:
        styles += _texts(section.get("positive_local_styles"))
    lengths = [section.get("duration_ms") for section in sections]
    are_known = lengths and all(isinstance(length, int) and length > 0 for length in lengths)
    return ", ".join(dict.fromkeys(styles)), sum(lengths) if are_known else None


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InvalidRequest("styles must be a list of texts", field="composition_plan")
    return value


def _number(body: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(f"{name} must be a number from {low:g} to {high:g}", field=name)
    return float(value)
