"""Draws a waveform as the path of an SVG."""

from collections.abc import Sequence
from typing import Final

FULL_SCALE: Final = 127
HEIGHT: Final = 64
BARS: Final = 64


def waveform_bars(peaks: Sequence[int], bars: int = BARS) -> str:
    """Draw a sound's outline as upright bars around the middle, two units apart and 64 high.

    `peaks` are lows and highs in turn, -127 to 127. Each bar is as high as the loudest moment in its
    part of the sound; silence still shows as a thin line.
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
