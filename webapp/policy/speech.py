"""The allowed values of a speech request, and the sample texts of voices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from webapp.errors import InvalidRequest
from webapp.foreign_text import is_plain_name
from webapp.policy.generation import clean_text
from webapp.policy.library.fields import is_generation_id
from webapp.policy.speech_markup import SSML, spoken_parts

PLAIN: Final = "plain"
USUAL_DUCKING_DB: Final = 12.0
MOST_DUCKING_DB: Final = 40.0
NO_BACKING: Final = "The sound to speak over was not found"
MAX_TEXT_CHARACTERS: Final = 5_000
MIN_SPEED: Final = 0.5
MAX_SPEED: Final = 2.0
NORMAL_SPEED: Final = 1.0
VOICE_NOT_FOUND: Final = "Voice not found"
# The name of the model in the library, and in `/status`.
VOICE_MODEL: Final = "voice"
STATUS_MODEL: Final = "tts"

# The first is the usual one.
STREAM_FORMATS: Final = ("mp3", "ogg", "flac", "wav")
MAX_VOICE_CHARACTERS: Final = 100
# The neural English voice, and the one that speaks where there is none.
USUAL_VOICES: Final = ("hibari-heart", "espeak-en-us")

# The texts of samples, by the primary subtag of the voice's language.
SAMPLES: Final = {
    "ar": "مرحبا. هذا هو صوتي.",
    "bg": "Здравейте. Това е моят глас.",
    "ca": "Hola. Aquesta és la meva veu.",
    "cmn": "你好。这是我的声音。",
    "cs": "Dobrý den. Toto je můj hlas.",
    "da": "Goddag. Dette er min stemme.",
    "de": "Guten Tag. So klingt meine Stimme.",
    "el": "Γεια σας. Αυτή είναι η φωνή μου.",
    "en": "Hello. This is what my voice sounds like.",
    "es": "Hola. Así suena mi voz.",
    "fi": "Hei. Tältä ääneni kuulostaa.",
    "fr": "Bonjour. Voici ma voix.",
    "he": "שלום. זה הקול שלי.",
    "hi": "नमस्ते। यह मेरी आवाज़ है।",
    "hu": "Jó napot. Ilyen a hangom.",
    "id": "Halo. Inilah suara saya.",
    "it": "Buongiorno. Questa è la mia voce.",
    "ja": "こんにちは。これがわたしのこえです。",
    "ko": "안녕하세요. 이것이 제 목소리입니다.",
    "nb": "God dag. Dette er stemmen min.",
    "nl": "Hallo. Zo klinkt mijn stem.",
    "pl": "Dzień dobry. To jest mój głos.",
    "pt": "Olá. Esta é a minha voz.",
    "ro": "Bună ziua. Aceasta este vocea mea.",
    "ru": "Здравствуйте. Это мой голос.",
    "sv": "Hej. Så här låter min röst.",
    "tr": "Merhaba. Bu benim sesim.",
    "uk": "Добрий день. Це мій голос.",
    "vi": "Xin chào. Đây là giọng của tôi.",
    "yue": "你好。呢個係我把聲。",
}


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """The manner of speaking, beside the speed: `pitch` is 1 for the voice's own, `markup` may be `ssml`.

    `over` is the id of a sound that it is spoken over, and that is lowered by `ducking_db` meanwhile.
    """

    pitch: float = 1.0
    markup: str = ""
    over: str = ""
    ducking_db: float = USUAL_DUCKING_DB


USUAL_OPTIONS: Final = SpeechOptions()


@dataclass(frozen=True, slots=True)
class SpeechChoice:
    """A validated speech request. `voice` is None for the server's default."""

    text: str
    voice: str | None = None
    speed: float = NORMAL_SPEED
    options: SpeechOptions = USUAL_OPTIONS

    @property
    def voices_in_text(self) -> frozenset[str]:
        """Return the voices that the markup of the text names."""
        parts = spoken_parts(self.text, self.options.markup)
        return frozenset(part.voice for part in parts if part.voice)


def parse_speech(body: Mapping[str, Any]) -> SpeechChoice:
    """Validate the fields of a request; unknown ones are ignored. Whether the voice exists is not checked.

    Raises InvalidRequest with the text for the first invalid field.
    """
    voice = body.get("voice")
    text = _text(body.get("text"))
    if voice is not None and not isinstance(voice, str):
        raise InvalidRequest(VOICE_NOT_FOUND, field="voice", code="voice_not_found")
    options = SpeechOptions(
        _factor(body.get("pitch"), "Pitch", "pitch"),
        _markup(body.get("markup")),
        _over(body.get("over")),
        _ducking_db(body.get("ducking_db")),
    )
    choice = SpeechChoice(text, voice or None, _factor(body.get("speed"), "Speed", "speed"), options)
    # Raises for markup that cannot be read.
    _ = choice.voices_in_text
    return choice


def parse_stream_format(body: Mapping[str, Any]) -> str:
    """Validate the format of a stream. Raises InvalidRequest, also for speech that is mixed with a sound."""
    if body.get("over"):
        raise InvalidRequest("Speech over a sound is mixed at its end and cannot be streamed", field="over")
    value = body.get("format")
    if value is None:
        return STREAM_FORMATS[0]
    if value not in STREAM_FORMATS:
        raise InvalidRequest(f"Format must be one of: {', '.join(STREAM_FORMATS)}", field="format")
    return str(value)


def is_voice_id(text: str) -> bool:
    """Return whether a text has the form of a voice id."""
    return is_plain_name(text, MAX_VOICE_CHARACTERS)


def default_voice(known: Sequence[str], preferred: str) -> str:
    """Return the voice that speaks where none is asked for: the operator's choice if it is there.

    Otherwise it is one of the usual ones, or else the first. `known` is not empty.
    """
    return next((voice for voice in (preferred, *USUAL_VOICES) if voice in known), known[0])


def sample_text(language: str) -> str:
    """Return the sample text for a voice of a language, a BCP 47 tag."""
    primary = language.partition("-")[0].lower()
    return SAMPLES.get({"zh": "cmn", "no": "nb"}.get(primary, primary), SAMPLES["en"])


def as_prompt(text: str) -> str:
    """Return a text on one line, as the library stores it."""
    return " ".join(text.split())


def _text(value: object) -> str:
    """Return the text, 1 to 5,000 characters after trimming.

    Line breaks stay, as they separate paragraphs.
    """
    if value is not None and not isinstance(value, str):
        raise InvalidRequest("Text must be a string", field="text")
    text = clean_text(value, "Text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidRequest("Text too long", field="text", code="text_too_long")
    return text


def _factor(value: object, name: str, field: str) -> float:
    if value is None:
        return NORMAL_SPEED
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_SPEED <= value <= MAX_SPEED:
        raise InvalidRequest(f"{name} must be a number from {MIN_SPEED:g} to {MAX_SPEED:g}", field=field)
    return float(value)


def _over(value: object) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not is_generation_id(value):
        raise InvalidRequest(NO_BACKING, field="over")
    return value


def _ducking_db(value: object) -> float:
    if value is None:
        return USUAL_DUCKING_DB
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_DUCKING_DB:
        raise InvalidRequest(f"Ducking must be a number from 0 to {MOST_DUCKING_DB:g}", field="ducking_db")
    return float(value)


def _markup(value: object) -> str:
    if value in (None, PLAIN):
        return ""
    if value != SSML:
        raise InvalidRequest(f"Markup must be one of: {PLAIN}, {SSML}", field="markup")
    return SSML
