"""Draws a waveform as the path of an SVG."""

from collections.abc import Sequence
from typing import Final

FULL_SCALE: Final = 127
HEIGHT: Final = 64


def waveform_path(peaks: Sequence[int]) -> str:
    """The outline of a sound, one unit wide per pair of peaks and 64 high.

    `peaks` are lows and highs in turn, -127 to 127. The outline runs along the highs and back along
    the lows, so that it fills without strokes; silence still shows as a thin line.
    """
    lows, highs = peaks[0::2], peaks[1::2]
    top = [f"{index} {_y(max(high, 1))}" for index, high in enumerate(highs)]
    bottom = [f"{index} {_y(min(low, -1))}" for index, low in enumerate(lows)]
    if not top:
        return ""
    return f"M{'L'.join(top)}L{'L'.join(reversed(bottom))}Z"


def _y(level: int) -> str:
    return f"{HEIGHT / 2 - level * HEIGHT / 2 / FULL_SCALE:.1f}"
