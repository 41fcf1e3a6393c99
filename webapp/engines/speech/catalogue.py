"""The voices of eSpeak NG as they are offered: two of each language."""

from collections.abc import Iterable
from typing import Final

from webapp.engines.speech.base import Voice

PREFIX: Final = "espeak-"
# A variant by the library's own name. Some others draw on memory that was never written, and so sound
# different at every start; this one does not.
FEMALE: Final = "+f4"
# Of the program. What it speaks is under no licence of its own.
LICENSE: Final = "GPL-3.0-or-later"
_LEFT_OUT: Final = frozenset({"xex"})


def espeak_voices(found: Iterable[tuple[str, str, str]], sample_rate: int, version: str) -> list[Voice]:
    """Voices from what the library lists: (name in words, language, what it is called there)."""
    voices: dict[str, Voice] = {}
    for name, language, source in found:
        code = language.lower()
        if code in _LEFT_OUT:
            continue
        if f"{PREFIX}{code}" in voices:
            # A second way of writing one language; its own name tells the two apart.
            code = source.rpartition("/")[2].lower()
        plain = name.replace("  ", " ")
        for suffix, variant, spoken in (("", "", "male"), ("-female", FEMALE, "female")):
            voice_id = f"{PREFIX}{code}{suffix}"
            voices[voice_id] = Voice(
                voice_id=voice_id,
                name=f"{plain}, {spoken}",
                language=_tag(code),
                quality="basic",
                sample_rate=sample_rate,
                description=f"Formant synthesis by eSpeak NG {version}: clear, light and robotic",
                license=LICENSE,
                engine="espeak-ng",
                source=f"{source}{variant}",
            )
    return list(voices.values())


def _tag(code: str) -> str:
    """A BCP 47 tag as it is usually written: `en-US`, `fa-Latn`; what follows an `x` is private."""
    public, mark, private = code.partition("-x-")
    primary, *others = public.split("-")
    written = [{2: other.upper(), 4: other.title()}.get(len(other), other) for other in others]
    return "-".join([primary, *written]) + mark + private
