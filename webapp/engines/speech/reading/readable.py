"""Rewrites a text in characters that engines read as people do."""

import re
import unicodedata
from typing import Final

# Styled characters that people mean as plain letters, digits and units. Other compatibility characters (½, ²,
# ™) have names of their own, which engines know.
_STYLED: Final = re.compile(
    r"[\u2103\u2109\u2160-\u217f\u2460-\u24e9\u3200-\u33ff\ufb00-\ufdff\ufe70-\ufefc\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc"
    r"\U0001d400-\U0001d7ff\U0001f110-\U0001f169]+"
)
# Of these, adjacent ones would run together: ①②, ㎏.
_SEPARATED: Final = re.compile(r"[\u2160-\u217f\u2460-\u24b5\u3200-\u33ff]")
# Variation selectors and line breaks. After one of these eSpeak NG cuts an emoji's name short.
_SHAPES: Final = re.compile(r"[\u00ad\u034f\u2060\ufe00-\ufe0f\ufeff]")
_BREAK: Final = "\u200b"
_JOINER: Final = "\u200d"
_SKIN: Final = r"\U0001f3fb-\U0001f3ff"
_FLAG: Final = r"[\U0001f1e6-\U0001f1ff]"
_PICTURE: Final = r"[\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
# Without spaces between them, emoji lose all but the first word of their names.
_PICTURES: Final = re.compile(rf"(?:{_FLAG}{_FLAG}|{_PICTURE}(?:{_JOINER}{_PICTURE})*)")
# Dropped: a skin tone separates a person from what the person does.
_SKIN_TONES: Final = re.compile(rf"(?<=[^\s{_JOINER}])[{_SKIN}]")

# Accents above accents: nobody says them, and engines take minutes over thousands.
_ACCENTS: Final = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MANY_ACCENTS: Final = re.compile(rf"({_ACCENTS}{{4}}){_ACCENTS}++")

# A number with more digits than this is read digit by digit, and not to its end.
LONGEST_NUMBER: Final = 20
_LONG_NUMBER: Final = re.compile(rf"\d{{{LONGEST_NUMBER + 1},}}")


def readable(text: str) -> str:
    """Rewrite a text for an engine without changing its meaning; its lines stay separate."""
    text = _MANY_ACCENTS.sub(r"\1", text)
    plain = _SHAPES.sub("", unicodedata.normalize("NFC", text)).replace(_BREAK, " ")
    plain = _STYLED.sub(_plain, _SKIN_TONES.sub("", plain))
    plain = _PICTURES.sub(lambda found: f" {found[0]} ", plain)
    return _LONG_NUMBER.sub(lambda found: " ".join(found[0]), plain)


def _plain(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", _SEPARATED.sub(lambda one: f" {one[0]} ", found[0]))
