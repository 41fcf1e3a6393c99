"""Draws a waveform as the path of an SVG."""

from collections.abc import Sequence
from typing import Final

FULL_SCALE: Final = 127
HEIGHT: Final = 64
BARS: Final = 64


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


def waveform_bars(peaks: Sequence[int], bars: int = BARS) -> str:
    """A sound's outline as upright bars around the middle, two units apart: a drawing for lists.

    `peaks` as in `waveform_path`. Each bar is as high as the loudest moment in its part of the sound.
    """
    levels = [max(abs(low), abs(high)) for low, high in zip(peaks[0::2], peaks[1::2], strict=True)]
    if not levels:
        return ""
    shown = min(bars, len(levels))
    drawn = []
    for bar in range(shown):
        part = levels[bar * len(levels) // shown : (bar + 1) * len(levels) // shown]
        half = max(1, round(max(part) * HEIGHT / 2 / FULL_SCALE))
        drawn.append(f"M{2 * bar} {HEIGHT // 2 - half}h1v{2 * half}h-1z")
    return "".join(drawn)


def _y(level: int) -> str:
    return f"{HEIGHT / 2 - level * HEIGHT / 2 / FULL_SCALE:.1f}"
