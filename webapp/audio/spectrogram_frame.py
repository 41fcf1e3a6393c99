"""Draws the frame of a spectrogram: axes, labels and the scale of levels; drawn once for each sample rate.

This is the only module that imports matplotlib. It uses figures and the Agg canvas directly, not the global
state of pyplot, so it is safe in a worker thread.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

LOWEST_HZ: Final = 40.0
RANGE_DB: Final = 80.0
# Few enough colours for a small file, but too many to see steps between them.
SHADES: Final = 32

Pixels = npt.NDArray[np.uint8]


class Box(NamedTuple):
    """Where the spectrogram itself is, in pixels from the left and the top."""

    left: int
    top: int
    width: int
    height: int


BOX: Final = Box(65, 18, 845, 288)
_WIDTH: Final = 1000
_HEIGHT: Final = 360
_DPI: Final = 100
# An opaque dark background with light text has the same contrast on any page.
_BACKGROUND: Final = "#16181d"
_TEXT: Final = "#d5d8de"
# How much white the lines of the grid add.
_GRID: Final = 0.12
_TICKS_HZ: Final = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)

# The palette: shades of levels, the same below the grid, steps from background to text, and the frame's own.
_STEPS: Final = 16
_FIRST_STEP: Final = 2 * SHADES
_FIRST_OWN: Final = _FIRST_STEP + _STEPS
_OWN: Final = 128 - _FIRST_OWN

_LABEL_PIXELS: Final = 12.5
_LABEL_TOP: Final = 7
_TICK_PIXELS: Final = 4
_MOST_TICKS: Final = 9
_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The pixels around a spectrogram as numbers of a palette, and the rows of the box with a grid line."""

    pixels: Pixels
    palette: bytes
    grid_rows: npt.NDArray[np.intp]


@functools.lru_cache(maxsize=8)
def frame_of(sample_rate: int) -> Frame:
    """Draw the frame of spectrograms of a sample rate, without the numbers on the axis of time."""
    shades = np.round(255 * colormaps["magma"].resampled(SHADES)(np.arange(SHADES))[:, :3])
    background, text = (_rgb(colour) for colour in (_BACKGROUND, _TEXT))
    steps = background + (text - background) * np.linspace(0, 1, _STEPS)[:, np.newaxis]
    drawn = Image.fromarray(_drawn(sample_rate)).quantize(_OWN)
    own = np.zeros((_OWN, 3))
    found = np.array(drawn.getpalette() or []).reshape(-1, 3)[:_OWN]
    own[: len(found)] = found
    palette = np.concatenate([shades, shades + (255 - shades) * _GRID, steps, own])
    ticks = [hz for hz in _TICKS_HZ if LOWEST_HZ <= hz <= sample_rate / 2]
    heights = np.array([_height(hz, sample_rate) for hz in ticks])
    rows = np.minimum(np.round((1 - heights) * BOX.height), BOX.height - 1).astype(np.intp)
    pixels = np.asarray(drawn, np.uint8) + np.uint8(_FIRST_OWN)
    return Frame(pixels, np.round(palette).astype(np.uint8).tobytes(), rows)


def time_axis(pixels: Pixels, duration_s: float) -> None:
    """Write the numbers of the axis of time into a picture."""
    top = BOX.top + BOX.height
    strip = Image.new("L", (_WIDTH, _LABEL_TOP + round(1.5 * _LABEL_PIXELS)))
    draw, font = ImageDraw.Draw(strip), _font()
    step_s = _tick_step_s(duration_s)
    decimals = max(0, -int(np.floor(np.log10(step_s) - 1e-9))) + (1 if _is_quarter(step_s) else 0)
    for number in range(int(duration_s / step_s + 1e-9) + 1):
        left = BOX.left + BOX.width * number * step_s / duration_s
        draw.line((left, 0, left, _TICK_PIXELS), fill=255)
        draw.text((left, _LABEL_TOP), f"{number * step_s:.{decimals}f}", fill=255, font=font, anchor="mt")
    written = np.asarray(strip).astype(np.int32) * (_STEPS - 1) // 255
    part = pixels[top : top + strip.height]
    part[written > 0] = _FIRST_STEP + written[written > 0]


def _tick_step_s(duration_s: float) -> float:
    least_s = duration_s / _MOST_TICKS
    power: float = 10.0 ** np.floor(np.log10(least_s))
    return next(nice * power for nice in _NICE if nice * power >= least_s * (1 - 1e-9))


def _is_quarter(step_s: float) -> bool:
    digits = step_s / 10.0 ** np.floor(np.log10(step_s) + 1e-9)
    return bool(abs(digits - 2.5) < 0.01) and step_s < 10


@functools.lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", _LABEL_PIXELS)


def _drawn(sample_rate: int) -> Pixels:
    figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, facecolor=_BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.065, 0.15, 0.845, 0.8), facecolor=_BACKGROUND)
    axes.set_xlabel("Time (s)", color=_TEXT, fontsize=10, labelpad=20)
    axes.set_ylabel("Frequency (Hz)", color=_TEXT, fontsize=10)
    axes.set_xticks([])
    ticks = [hz for hz in _TICKS_HZ if LOWEST_HZ <= hz <= sample_rate / 2]
    axes.set_yticks([_height(hz, sample_rate) for hz in ticks], [_tick_label(hz) for hz in ticks])
    axes.set_ylim(0, 1)
    levels = ScalarMappable(Normalize(-RANGE_DB, 0), colormaps["magma"].resampled(SHADES))
    scale = figure.colorbar(levels, cax=figure.add_axes((0.925, 0.15, 0.014, 0.8)))
    scale.set_ticks([-80, -60, -40, -20, 0])
    scale.set_label("Level (dB)", color=_TEXT, fontsize=10)
    for part in (axes, scale.ax):
        part.tick_params(colors=_TEXT, labelsize=9)
        for spine in part.spines.values():
            spine.set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _rgb(colour: str) -> npt.NDArray[np.float64]:
    return np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)], np.float64)


def _height(frequency_hz: float, sample_rate: int) -> float:
    return float(np.log(frequency_hz / LOWEST_HZ) / np.log(sample_rate / 2 / LOWEST_HZ))


def _tick_label(frequency_hz: int) -> str:
    return f"{frequency_hz // 1000}k" if frequency_hz >= 1000 else str(frequency_hz)
