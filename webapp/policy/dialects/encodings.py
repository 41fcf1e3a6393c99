"""Audio encodings as other vendors name them."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from webapp.errors import InvalidRequest

StoredFormat: TypeAlias = Literal["mp3", "flac", "wav"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding of an answer.

    `stored` is the format that sounds are kept in, where none is converted. Otherwise `name`, `sample_rate`
    in hertz and `channels` say what a sound is converted to; None keeps its channels.
    """

    media_type: str
    stored: StoredFormat | None = None
    name: str = ""
    sample_rate: int = 0
    channels: int | None = None


MP3: Final = Encoding("audio/mpeg", "mp3")
# OpenAI's `response_format`. Its raw samples are 24 kHz, mono, 16 bits, little-endian.
OPENAI_ENCODINGS: Final = {
    "mp3": MP3,
    "opus": Encoding("audio/ogg", name="opus", sample_rate=48_000),
    "flac": Encoding("audio/flac", "flac"),
    "wav": Encoding("audio/wav", "wav"),
    "pcm": Encoding("audio/pcm", name="pcm", sample_rate=24_000, channels=1),
}
# ElevenLabs' `output_format` is `codec_rate`, or `codec_rate_bitrate`.
_MP3_RATES: Final = frozenset({22_050, 24_000, 44_100})
_WAVE_RATES: Final = frozenset({8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})
_TELEPHONE_RATE: Final = 8_000
_OPUS_RATE: Final = 48_000


def openai_encoding(value: object) -> Encoding:
    """Return the encoding of OpenAI's `response_format`; MP3 without one. Raises InvalidRequest."""
    if value is None:
        return MP3
    if not isinstance(value, str) or value not in OPENAI_ENCODINGS:
        names = ", ".join(OPENAI_ENCODINGS)
        raise InvalidRequest(
            f"This response_format is not available; choose one of {names}", field="response_format"
        )
    return OPENAI_ENCODINGS[value]


def elevenlabs_encoding(value: str | None) -> Encoding:
    """Return the encoding of ElevenLabs' `output_format`; MP3 without one.

    Bit rates are not heeded: compressed sound has the quality that the library's files have. Raises
    InvalidRequest.
    """
    if not value or value == "auto":
        return MP3
    codec, _, rest = value.partition("_")
    rate_text, _, bit_rate = rest.partition("_")
    rate = int(rate_text) if rate_text.isascii() and rate_text.isdigit() and len(rate_text) < 7 else 0
    encoding = _elevenlabs(codec, rate)
    if encoding is None or (bit_rate and not bit_rate.isdigit()):
        raise InvalidRequest(f"The output_format {value[:40]!r} is not available", field="output_format")
    return encoding


def _elevenlabs(codec: str, rate: int) -> Encoding | None:
    match codec:
        case "mp3" if rate == 44_100:
            return MP3
        case "mp3" if rate in _MP3_RATES:
            return Encoding("audio/mpeg", name="mp3", sample_rate=rate)
        case "opus" if rate == _OPUS_RATE:
            return OPENAI_ENCODINGS["opus"]
        case "pcm" if rate in _WAVE_RATES:
            return Encoding("audio/pcm", name="pcm", sample_rate=rate, channels=1)
        case "wav" if rate in _WAVE_RATES:
            return Encoding("audio/wav", name="wav", sample_rate=rate)
        case "ulaw" | "alaw" if rate == _TELEPHONE_RATE:
            return Encoding("audio/basic", name=codec, sample_rate=rate, channels=1)
        case _:
            return None
