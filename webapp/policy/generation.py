"""The allowed values of a request for a sound."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from webapp.errors import InvalidRequest
from webapp.policy.continuations import ContinuationChoice, parse_continuation
from webapp.policy.library.sound_sources import SoundSource, parse_source

MODELS: Final = ("music", "audio", "magnet")
DEFAULT_MODEL: Final = "music"
DEFAULT_DURATION_S: Final = 8.0
MIN_DURATION_S: Final = 1.0
MAX_PROMPT_CHARACTERS: Final = 1_000
MAX_SEED: Final = 2**63 - 1
MAX_TAKES: Final = 8

# Characters that no prompt needs: control characters, and those that can disguise a text (embeddings,
# overrides, isolates, deprecated formatting, annotations). Joiners and directional marks, which scripts and
# emoji need, are allowed.
_REFUSED: Final = (
    r"\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb"
)
_LONE_SURROGATES: Final = r"\ud800-\udfff"
_LINE_BREAKS_AND_TABS: Final = r"\t\n\u000b\f\r\u0085\u2028\u2029"
_SPACES: Final = rf"{_LINE_BREAKS_AND_TABS} \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# Invisible letters, such as Hangul fillers, count as blanks.
_FILLERS: Final = r"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0"
_INVISIBLE: Final = rf"{_SPACES}{_FILLERS}\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff"

# The form of a prompt, as a regular expression with the same meaning in Python and ECMAScript.
PROMPT_PATTERN: Final = rf"^[^{_REFUSED}]*[^{_REFUSED}{_INVISIBLE}][^{_REFUSED}]*$"

_refused: Final = re.compile(rf"[{_REFUSED}{_LONE_SURROGATES}]")
_breaks: Final = re.compile(rf"[{_LINE_BREAKS_AND_TABS}]")
_visible: Final = re.compile(rf"[^{_INVISIBLE}]")


@dataclass(frozen=True, slots=True)
class SamplingChoice:
    """A model's sampling settings; None leaves a value to the model."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class GenerationChoice:
    """A validated request for a sound. `seed` is None if the server is to draw one.

    `melody` is the sound whose melody it follows, if it follows one. With a `continuation`, fields that it
    has left open are not valid before they are filled in.
    """

    prompt: str
    duration_s: float
    model: str
    is_loopable: bool
    seed: int | None
    sampling: SamplingChoice
    melody: SoundSource | None = None
    continuation: ContinuationChoice | None = None

    def with_seed(self, seed: int) -> "GenerationChoice":
        """Return the same request with a seed."""
        return replace(self, seed=seed)

    def variations(self, count: int) -> "list[GenerationChoice]":
        """Return `count` requests that differ only in their seeds: consecutive ones, or None for all."""
        seeds = [None if self.seed is None else (self.seed + step) % (MAX_SEED + 1) for step in range(count)]
        return [replace(self, seed=seed) for seed in seeds]


def parse_generation(body: Mapping[str, Any]) -> GenerationChoice:
    """Validate the fields of a request; unknown ones are ignored.

    Raises InvalidRequest with the text for the first invalid field. The limits of a tier are
    not checked here: see `check_tier_duration`.
    """
    continuation = parse_continuation(body)
    left_open = continuation.left_open if continuation else frozenset()
    melody = parse_source(body.get("melody_from"), "melody_from")
    if continuation and melody:
        raise InvalidRequest("Send either continue_from or melody_from", field="melody_from")
    return GenerationChoice(
        prompt="" if "prompt" in left_open else clean_prompt(body.get("prompt")),
        duration_s=_duration(body),
        model=_model(body) if body.get("model") is not None or not continuation else DEFAULT_MODEL,
        is_loopable=_loopable(body, is_continued=continuation is not None),
        seed=_integer(body, "seed", 0, MAX_SEED),
        sampling=SamplingChoice(
            temperature=_number(body, "temperature", 0.0, 5.0),
            top_k=_integer(body, "top_k", 0, 2048),
            top_p=_number(body, "top_p", 0.0, 1.0),
            guidance=_number(body, "guidance", 0.0, 20.0),
        ),
        melody=melody,
        continuation=continuation,
    )


def parse_takes(body: Mapping[str, Any]) -> int:
    """Return how many takes a request asks for, one where it does not say. Raises InvalidRequest."""
    return _integer(body, "takes", 1, MAX_TAKES) or 1


def check_tier_duration(duration_s: float, max_duration_s: float) -> None:
    """Raise InvalidRequest if a tier does not allow a clip this long."""
    if duration_s > max_duration_s:
        text = "Duration exceeds your tier limit"
        raise InvalidRequest(text, field="duration", code="duration_over_limit")


def clean_prompt(value: object) -> str:
    """Return the prompt as one trimmed line of 1 to 1,000 characters.

    Line breaks and tabs become spaces. Raises InvalidRequest as `clean_text` does, and when it is too long.
    """
    prompt = _breaks.sub(" ", clean_text(value, "Prompt")).strip()
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise InvalidRequest("Prompt is too long", field="prompt")
    return prompt


def clean_text(value: object, name: str) -> str:
    """Validate and trim a text; `name` is that of its field.

    Raises InvalidRequest if it is missing or has no visible character, and if it contains control characters,
    bidi overrides or lone surrogates.
    """
    field = name.lower()
    if value is None:
        raise InvalidRequest(f"{name} is required", field=field)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be text", field=field)
    if _refused.search(value):
        raise InvalidRequest(f"{name} contains characters that are not allowed", field=field)
    if not has_visible(value):
        raise InvalidRequest(f"{name} is required", field=field)
    return value.strip()


def has_visible(text: str) -> bool:
    """Return whether a text has a visible character."""
    return _visible.search(text) is not None


def _duration(body: Mapping[str, Any]) -> float:
    value = body.get("duration", DEFAULT_DURATION_S)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest("Duration must be a number of seconds", field="duration")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise InvalidRequest("Duration must be a number of seconds", field="duration")
    if seconds < MIN_DURATION_S:
        raise InvalidRequest("Duration must be at least 1 second", field="duration")
    return seconds


def _model(body: Mapping[str, Any]) -> str:
    value = body.get("model", DEFAULT_MODEL)
    if not isinstance(value, str) or value not in MODELS:
        raise InvalidRequest("Model must be music, audio or magnet", field="model")
    return value


def _loopable(body: Mapping[str, Any], *, is_continued: bool) -> bool:
    is_loopable = _boolean(body, "loopable")
    if is_loopable and is_continued:
        # The end of a loop is mixed into its start, which a continuation keeps as it is.
        raise InvalidRequest("A continuation cannot be loopable", field="loopable")
    return is_loopable


def _boolean(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name.capitalize()} must be true or false", field=name)
    return value


def _integer(body: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    # JSON has one kind of number: 5.0 is a whole one.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidRequest(f"{_label(name)} must be a whole number from {low} to {high}", field=name)
    return value


def _number(body: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    # A comparison refuses NaN and infinities, and holds for integers too large for a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(f"{_label(name)} must be a number from {low:g} to {high:g}", field=name)
    return float(value)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
