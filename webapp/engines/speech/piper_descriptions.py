"""Reads a folder of Piper voices: models, descriptions, and model cards with licences."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from webapp.engines.speech.base import Refused, Voice
from webapp.engines.speech.licences import allows_commercial_use
from webapp.foreign_text import is_plain_name, text_of

MODEL_ENDING: Final = ".onnx"
DESCRIPTION_ENDING: Final = ".onnx.json"
# The model card: with the model's name, or without one in a folder that has no other voice.
CARD = "MODEL_CARD"
# The spellings of its name by people and packages.
CARD_VARIANTS: Final = tuple(
    f"{name}{ending}" for name in (CARD, CARD.lower()) for ending in ("", ".md", ".txt")
)
NO_LICENCE: Final = "See the voice's own page"
# The longest id that a speech request can store.
MAX_NAME_CHARACTERS: Final = 100
# The phoneme types that need neither further packages nor downloads.
ESPEAK, TEXT = "espeak", "text"
SAMPLE_RATES: Final = range(8_000, 192_001)
LARGEST_DESCRIPTION_BYTES: Final = 4 * 1024 * 1024
LARGEST_CARD_BYTES: Final = 64 * 1024


class Unusable(ValueError):
    """A voice cannot be used; the text explains why."""


@dataclass(frozen=True, slots=True)
class Described:
    """A voice that can be used if eSpeak NG knows its language, which is empty if it needs none."""

    voice: Voice
    espeak_language: str
    model_bytes: int


def described_in(folder: Path) -> tuple[list[Described], list[Refused]]:
    """Read the voices in a folder by name, each `NAME.onnx` with `NAME.onnx.json`, and the unusable ones."""
    if not folder.is_dir():
        return [], []
    names = {
        path.name.removesuffix(ending)
        for ending in (MODEL_ENDING, DESCRIPTION_ENDING)
        for path in folder.glob(f"*{ending}")
    }
    found, refused = [], []
    for name in sorted(names):
        try:
            found.append(_described(folder, name))
        except Unusable as error:
            refused.append(Refused(name, str(error)))
    return found, refused


def description_of(model: Path) -> dict[str, Any]:
    """Read a model's description, as Piper does. Raises Unusable."""
    path = Path(f"{model}.json")
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION_BYTES:
            raise Unusable(f"{path.name} is too long")
        description = json.loads(text_of(path.read_bytes()))
    except FileNotFoundError:
        raise Unusable(f"{path.name} is not there") from None
    except (OSError, RecursionError) as error:
        raise Unusable(f"{path.name} cannot be read: {error}") from error
    except Unusable:
        raise
    except ValueError as error:
        raise Unusable(f"{path.name} is no JSON: {error}") from error
    if not isinstance(description, dict):
        raise Unusable(f"{path.name} is no description of a voice")
    phoneme_type = _phoneme_type(description)
    # Piper reads a language even where it needs none.
    return {
        **({"espeak": {"voice": ""}} if phoneme_type == TEXT else {}),
        **description,
        "phoneme_type": phoneme_type,
    }


def _described(folder: Path, name: str) -> Described:
    model = folder / f"{name}{MODEL_ENDING}"
    if not is_plain_name(name, MAX_NAME_CHARACTERS):
        raise Unusable(f"a voice's name is plain text of at most {MAX_NAME_CHARACTERS} characters")
    if not model.is_file():
        raise Unusable(f"{model.name} is not there")
    description = description_of(model)
    try:
        language = description.get("language") or {}
        audio = description["audio"]
        model_bytes = model.stat().st_size
        is_espeak = description["phoneme_type"] == ESPEAK
        espeak_language = str(description["espeak"]["voice"]) if is_espeak else ""
        card = _card(model)
        licence = licence_in(card)
        voice = Voice(
            voice_id=name,
            name=str(description.get("dataset") or name).replace("_", " ").capitalize(),
            language=str(language.get("code") or description["espeak"]["voice"]).replace("_", "-"),
            quality=str(audio.get("quality") or "medium"),
            sample_rate=_sample_rate(audio["sample_rate"]),
            description=f"Neural voice, {language.get('name_english', 'unknown language')}",
            license=licence,
            engine="piper",
            source=str(model),
            commercial_use=allows_commercial_use(licence, card),
        )
    except KeyError as error:
        raise Unusable(f"its description has no {error}") from error
    except (TypeError, AttributeError, OSError) as error:
        raise Unusable(f"its description is not that of a Piper voice: {error}") from error
    return Described(voice, espeak_language, model_bytes)


def _phoneme_type(description: dict[str, Any]) -> str:
    """Read a voice's phoneme type; some descriptions have the name of a Python enum in place of its value."""
    stated = str(description.get("phoneme_type") or ESPEAK)
    known = stated.rpartition(".")[2].lower()
    if known not in (ESPEAK, TEXT):
        raise Unusable(f"its language is read by way of “{stated}”, which needs further packages")
    return known


def _sample_rate(stated: object) -> int:
    if isinstance(stated, bool) or not isinstance(stated, int) or stated not in SAMPLE_RATES:
        raise Unusable(f"its sample rate is {stated!r}")
    return stated


def _card(model: Path) -> str:
    """Return the text of the voice's card, which names its licence; empty if it has none."""
    stem = model.name.removesuffix(MODEL_ENDING)
    own = [model.with_name(f"{name}.{card}") for name in (stem, model.name) for card in CARD_VARIANTS]
    shared = [model.with_name(card) for card in CARD_VARIANTS] if _is_alone(model) else []
    for path in (*own, *shared):
        if path.is_file():
            with path.open("rb") as file:
                return text_of(file.read(LARGEST_CARD_BYTES), errors="replace")
    return ""


def _is_alone(model: Path) -> bool:
    """Return whether a card without a name can only belong to this model."""
    return not any(other.name != model.name for other in model.parent.glob(f"*{MODEL_ENDING}"))


def licence_in(card: str) -> str:
    """Find the licence in a card: on a line of its own, or under a heading."""
    is_headed = False
    for line in card.splitlines():
        # A heading may be underlined.
        plain = line.strip("#*-=_> \t")
        name, _, value = plain.partition(":")
        is_name = name.strip("*_ ").lower() in ("license", "licence")
        value = value.strip("*_ ")
        if is_name and value:
            return value[:200]
        if is_headed and plain:
            return plain[:200]
        is_headed = is_headed or is_name
    return NO_LICENCE
