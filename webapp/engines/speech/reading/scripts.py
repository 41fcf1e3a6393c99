"""Finds the script of a character, and a language that reads a script that a voice does not know."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

LATIN: Final = "Latin"
HAN: Final = "Han"
HANGUL: Final = "Hangul"
NEUTRAL: Final = ""

# The first code point of each block and its script; a block ends where the next one starts. From Unicode's
# list of blocks; blocks without a script here are neutral and join their neighbours.
_BLOCKS: Final = (
    (0x0000, NEUTRAL), (0x0041, LATIN), (0x005B, NEUTRAL), (0x0061, LATIN), (0x007B, NEUTRAL),
    (0x00AA, LATIN), (0x00AB, NEUTRAL), (0x00BA, LATIN), (0x00BB, NEUTRAL), (0x00C0, LATIN),
    (0x02B0, NEUTRAL), (0x0370, "Greek"), (0x0400, "Cyrillic"), (0x0530, "Armenian"), (0x0590, "Hebrew"),
    (0x0600, "Arabic"), (0x0700, NEUTRAL), (0x0750, "Arabic"), (0x0780, NEUTRAL), (0x08A0, "Arabic"),
    (0x0900, "Devanagari"), (0x0980, "Bengali"), (0x0A00, "Gurmukhi"), (0x0A80, "Gujarati"),
    (0x0B00, "Oriya"), (0x0B80, "Tamil"), (0x0C00, "Telugu"), (0x0C80, "Kannada"), (0x0D00, "Malayalam"),
    (0x0D80, "Sinhala"), (0x0E00, "Thai"), (0x0E80, NEUTRAL), (0x1000, "Myanmar"), (0x10A0, "Georgian"),
    (0x1100, HANGUL), (0x1200, "Ethiopic"), (0x13A0, "Cherokee"), (0x1400, NEUTRAL),
    (0x1C80, "Cyrillic"), (0x1C90, "Georgian"), (0x1CC0, NEUTRAL), (0x1E00, LATIN), (0x1F00, "Greek"),
    (0x2000, NEUTRAL), (0x2DE0, "Cyrillic"), (0x2E00, NEUTRAL), (0x2E80, HAN), (0x3000, NEUTRAL),
    (0x3005, HAN), (0x3008, NEUTRAL), (0x3041, "Kana"), (0x3100, NEUTRAL), (0x3130, HANGUL),
    (0x3190, NEUTRAL), (0x31F0, "Kana"), (0x3200, NEUTRAL), (0x3400, HAN), (0x4DC0, NEUTRAL),
    (0x4E00, HAN), (0xA000, NEUTRAL), (0xA640, "Cyrillic"), (0xA6A0, NEUTRAL), (0xA720, LATIN),
    (0xA800, NEUTRAL), (0xAC00, HANGUL), (0xD7B0, NEUTRAL), (0xF900, HAN), (0xFB00, LATIN),
    (0xFB13, "Armenian"), (0xFB1D, "Hebrew"), (0xFB50, "Arabic"), (0xFE00, NEUTRAL), (0xFE70, "Arabic"),
    (0xFEFF, NEUTRAL), (0xFF21, LATIN), (0xFF3B, NEUTRAL), (0xFF41, LATIN), (0xFF5B, NEUTRAL),
    (0xFF66, "Kana"), (0xFFA0, NEUTRAL), (0x20000, HAN), (0x323B0, NEUTRAL),
)  # fmt: skip
_STARTS: Final = tuple(start for start, _ in _BLOCKS)

# The language of eSpeak NG that reads a script which the text's own language does not have. It knows no
# kanji, so Han is read as Chinese in Japanese texts too.
READER_OF: Final = {
    LATIN: "en-us", "Greek": "el", "Cyrillic": "ru", "Armenian": "hy", "Hebrew": "he", "Arabic": "ar",
    "Devanagari": "hi", "Bengali": "bn", "Gurmukhi": "pa", "Gujarati": "gu", "Oriya": "or", "Tamil": "ta",
    "Telugu": "te", "Kannada": "kn", "Malayalam": "ml", "Sinhala": "si", "Thai": "th", "Myanmar": "my",
    "Georgian": "ka", HANGUL: "ko", "Ethiopic": "am", "Cherokee": "chr-us-qaaa-x-west", HAN: "cmn",
    "Kana": "ja",
}  # fmt: skip

# The scripts of languages that are not written in Latin letters, by the language's subtag.
_OWN: Final = {
    "el": "Greek", "grc": "Greek", "hy": "Armenian", "hyw": "Armenian", "he": "Hebrew", "ka": "Georgian",
    "ko": HANGUL, "am": "Ethiopic", "ti": "Ethiopic", "chr": "Cherokee", "cmn": HAN, "yue": HAN, "hak": HAN,
    "zh": HAN, "ja": "Kana", "th": "Thai", "my": "Myanmar", "shn": "Myanmar", "ta": "Tamil", "te": "Telugu",
    "kn": "Kannada", "ml": "Malayalam", "si": "Sinhala", "gu": "Gujarati", "pa": "Gurmukhi", "or": "Oriya",
    **dict.fromkeys(("bn", "as", "bpy"), "Bengali"),
    **dict.fromkeys(("hi", "mr", "ne", "kok"), "Devanagari"),
    **dict.fromkeys(("ar", "fa", "ur", "ug", "sd"), "Arabic"),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "kk", "ky", "tt", "ba", "cv", "nog"), "Cyrillic"),
}  # fmt: skip
# Written in two scripts.
_BOTH: Final = {
    "sr": {LATIN, "Cyrillic"}, "uz": {LATIN, "Cyrillic"}, "ku": {LATIN, "Arabic"}, "az": {LATIN, "Cyrillic"},
    "kaa": {LATIN, "Cyrillic"}, "bs": {LATIN, "Cyrillic"},
}  # fmt: skip


def script_of(character: str) -> str:
    """Return the script of a character; `NEUTRAL` for digits, punctuation, symbols and unknown ones."""
    return _BLOCKS[bisect_right(_STARTS, ord(character)) - 1][1]


def scripts_read_in(language: str) -> set[str]:
    """Return the scripts of a language, a BCP 47 tag."""
    primary, *others = language.lower().split("-")
    if "latn" in others:
        return {LATIN}
    return _BOTH.get(primary) or {_OWN.get(primary, LATIN)}


def runs(text: str, own: set[str]) -> Iterator[tuple[str, str]]:
    """Split a text into pieces of one script each, as (script, piece); `own` scripts count as `NEUTRAL`.

    Neutral characters join what precedes them; at the start, what follows.
    """
    start, current = 0, None
    for index, character in enumerate(text):
        script = script_of(character)
        if script == NEUTRAL:
            continue
        script = NEUTRAL if script in own else script
        if current is not None and script != current:
            yield current, text[start:index]
            start = index
        current = script
    if text:
        yield current or NEUTRAL, text[start:]
