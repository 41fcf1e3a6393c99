"""Lists the voices of eSpeak NG: two for each language."""

from collections.abc import Iterable
from typing import Final

from webapp.engines.speech.base import Gender, Voice

PREFIX: Final = "espeak-"
# The library's name of a variant. Some others read uninitialized memory and so sound different at every
# start; this one does not.
FEMALE: Final = "+f4"
# The licence of the program; its output is under no licence.
LICENSE: Final = "GPL-3.0-or-later"
_VARIANTS: Final[tuple[tuple[str, str, Gender], ...]] = (("", "", "male"), ("-female", FEMALE, "female"))
_LEFT_OUT: Final = frozenset({"xex"})


def espeak_voices(found: Iterable[tuple[str, str, str]], sample_rate: int, version: str) -> list[Voice]:
    """Make voices from the library's list: (name in words, language, the library's name)."""
    voices: dict[str, Voice] = {}
    for name, language, source in found:
        code = language.lower()
        if code in _LEFT_OUT:
            continue
        if f"{PREFIX}{code}" in voices:
            # A second script of one language; the library's name distinguishes the two.
            code = source.rpartition("/")[2].lower()
        plain = name.replace("  ", " ")
        for suffix, variant, gender in _VARIANTS:
            voice_id = f"{PREFIX}{code}{suffix}"
            voices[voice_id] = Voice(
                voice_id=voice_id,
                name=f"{plain}, {gender}",
                language=_tag(code),
                quality="basic",
                sample_rate=sample_rate,
                description=f"Synthetic voice of eSpeak NG {version}: clear, but robotic",
                license=LICENSE,
                engine="espeak-ng",
                source=f"{source}{variant}",
                commercial_use=True,
                gender=gender,
            )
    return list(voices.values())


def _tag(code: str) -> str:
    """Format a BCP 47 tag as usual: `en-US`, `fa-Latn`; the part after an `x` is private."""
    public, mark, private = code.partition("-x-")
    primary, *others = public.split("-")
    written = [{2: other.upper(), 4: other.title()}.get(len(other), other) for other in others]
    return "-".join([primary, *written]) + mark + private
