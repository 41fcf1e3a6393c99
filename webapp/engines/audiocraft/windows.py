"""Divides a long sound into windows; each continues the last part of the one before."""

import math
from dataclasses import dataclass
from fractions import Fraction

OVERLAP_SHARE = 0.4
"""Share of a window that is the prompt of the next one, unless the checkpoint's authors state another."""


@dataclass(frozen=True, slots=True)
class Window:
    """Frames `start` to `end` of a sound; the first `prompt` are known from the window before."""

    start: int
    prompt: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def new(self) -> int:
        """Return the number of frames that this window adds."""
        return self.length - self.prompt


def frames_for(duration_s: float, frame_rate: Fraction | int) -> int:
    """Return how many codec frames cover a duration; the rate is exact, so that no sound is too short."""
    # Rounding errors do not add a frame: 0.1 s at 50 Hz is 5 frames.
    return max(1, math.ceil(round(float(duration_s * frame_rate), 6)))


def whole_frames_in(duration_s: float, frame_rate: Fraction | int) -> int:
    """Return how many whole codec frames a duration has."""
    return math.floor(round(float(duration_s * frame_rate), 6))


def overlap_frames(window_frames: int, multiple_of: int = 1, stride_frames: int = 0) -> int:
    """Return the length of the prompt of later windows, as a whole multiple of a span.

    A window ends `stride_frames` after the one before; 0, or more than a window, means the default share.
    """
    overlap = int(window_frames * OVERLAP_SHARE)
    if 0 < stride_frames < window_frames:
        overlap = window_frames - stride_frames
    return min(overlap - overlap % multiple_of, window_frames - 1)


def plan_windows(total: int, window_frames: int, overlap: int, *, known: int = 0) -> tuple[Window, ...]:
    """Return windows that add up to `total` frames; the last one may be shorter.

    The first `known` frames are there already. The first window starts with them, or with the last of them
    where they leave it no frame to add.
    """
    if known < window_frames:
        windows = [Window(0, known, min(total, window_frames))]
    else:
        start = known - overlap
        windows = [Window(start, overlap, min(total, start + window_frames))]
    while windows[-1].end < total:
        start = windows[-1].end - overlap
        windows.append(Window(start, overlap, min(total, start + window_frames)))
    return tuple(windows)
