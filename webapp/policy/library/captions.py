"""Captions: when each sentence of a spoken sound is heard, and how WebVTT says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence, and the seconds of a sound between which it is heard."""

    begin_s: float
    end_s: float
    text: str


def web_vtt(captions: Sequence[Caption]) -> str:
    """Return captions as WebVTT, with the place of each in the text as its identifier, from 0."""
    cues = (
        f"{number}\n{_moment(one.begin_s)} --> {_moment(one.end_s)}\n{one.text.translate(_ESCAPES)}\n"
        for number, one in enumerate(captions)
    )
    return "\n".join(["WEBVTT\n", *cues])


def _moment(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
