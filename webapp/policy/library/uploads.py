"""The rules for sounds that are sent in: how large and how long, and the text of each refusal."""

from collections.abc import Mapping
from typing import Final

from webapp.errors import InvalidRequest, ProductError, UnsupportedMediaType

MAX_UPLOAD_BYTES: Final = 50_000_000
MIN_UPLOAD_S: Final = 0.5
MAX_UPLOAD_S: Final = 600.0
KEPT_FOR_MS: Final = 24 * 3_600_000

# Whoever sends one has come to an end by then.
ARRIVES_WITHIN_MS: Final = 15 * 60_000

EMPTY: Final = "The upload is empty"
TOO_LARGE: Final = "The file is larger than 50 MB"
UNKNOWN_KIND: Final = "This is no sound that can be read; send WAV, FLAC, OGG, MP3 or WebM"
TOO_COSTLY: Final = "The file takes too much time or memory to decode"

# By the names under which the decoder process refuses; {kind} is what the file is, {detail} a number.
_TEXTS: Final[Mapping[str, str]] = {
    "damaged": "The {kind} file is damaged or not of the kind that it seems, and cannot be decoded",
    "cut_off": "The {kind} file is cut off before its end",
    "no_audio": "The {kind} file has no sound in it that can be read",
    "too_short": f"The sound is shorter than {MIN_UPLOAD_S:g} seconds",
    "too_long": f"The sound is longer than {MAX_UPLOAD_S / 60:g} minutes",
    "channels": "The sound has {detail} channels; send mono or stereo",
    "sample_rate": "The sample rate is {detail} Hz; send 8000 to 192000 Hz",
    "not_finite": "The {kind} file has samples that are no numbers",
    "too_costly": TOO_COSTLY,
    "lacing": "The WebM file packs several packets into a block (lacing), which is not read",
}
_NAMES: Final[Mapping[str, str]] = {
    "wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "webm": "WebM",
}  # fmt: skip


def refusal_error(refusal: str, kind: str, detail: str) -> ProductError:
    """Return the error that tells why a file was refused."""
    if refusal == "unknown":
        return UnsupportedMediaType(UNKNOWN_KIND)
    text = _TEXTS[refusal].format(kind=_NAMES.get(kind, "sound"), detail=detail)
    return InvalidRequest(text, field="file")
