"""Makes a long sound from windows, each continuing the last part of the one before."""

import math
from dataclasses import dataclass
from fractions import Fraction

OVERLAP_SHARE = 0.4
"""Share of a window that the next one takes as its prompt, where a checkpoint's authors name none."""


@dataclass(frozen=True, slots=True)
class Window:
    """Frames `start` to `end` of a sound, of which the first `prompt` are there already."""

    start: int
    prompt: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def new(self) -> int:
        """Frames that this window adds."""
        return self.length - self.prompt


def frames_for(duration_s: float, frame_rate: Fraction | int) -> int:
    """Codec frames that cover a duration; the rate is exact, so that a long sound lacks nothing."""
    # A hair under a whole number of frames is that number: 0.1 s at 50 Hz is 5 frames.
    return max(1, math.ceil(round(float(duration_s * frame_rate), 6)))


def overlap_frames(window_frames: int, multiple_of: int = 1, stride_frames: int = 0) -> int:
    """Length of the prompt that later windows take, as a whole multiple of a span.

    A window goes `stride_frames` beyond the one before; 0, or more than a window, for the usual share.
    """
    overlap = int(window_frames * OVERLAP_SHARE)
    if 0 < stride_frames < window_frames:
        overlap = window_frames - stride_frames
    return min(overlap - overlap % multiple_of, window_frames - 1)


def plan_windows(total: int, window_frames: int, overlap: int) -> tuple[Window, ...]:
    """Windows that together make `total` frames; the last one is shorter where less is wanted."""
    windows = [Window(0, 0, min(total, window_frames))]
    while windows[-1].end < total:
        start = windows[-1].end - overlap
        windows.append(Window(start, overlap, min(total, start + window_frames)))
    return tuple(windows)
