"""Draws spectrograms: time from left to right, logarithmic frequency from bottom to top, level as colour.

This is the only module that imports matplotlib. It uses figures and the Agg canvas directly, not the global
state of pyplot, so it is safe in a worker thread.
"""

import functools
import io

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.fft import rfft

from webapp.audio.waveform import Samples, Waveform

LOWEST_HZ = 40.0
RANGE_DB = 80.0

_WINDOW_FRAMES = 4096
_COLUMNS = 700
_ROWS = 220
_WINDOWS_PER_COLUMN = 2
_WINDOWS_PER_CHUNK = 256
# Few enough colours for a small file, but too many to see steps between them.
_COLOURS = 32
_PALETTE_SIZE = 128
# An opaque dark background with light text has the same contrast on any page.
_BACKGROUND = "#16181d"
_TEXT = "#d5d8de"
_GRID = "#ffffff"
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_DPI = 100


def spectrogram_png(waveform: Waveform) -> bytes:
    """Return a PNG of 1000 by 360 pixels, with axes in seconds and Hz and a scale in dB below the loudest."""
    levels_db = log_spectrogram_db(waveform)
    figure = Figure(figsize=(10.0, 3.6), dpi=_DPI, facecolor=_BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.065, 0.15, 0.845, 0.8))
    image = axes.imshow(
        levels_db,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(0.0, waveform.duration_s, 0.0, 1.0),
        cmap=colormaps["magma"].resampled(_COLOURS),
        vmin=-RANGE_DB,
        vmax=0.0,
    )
    axes.set_xlabel("Time (s)", color=_TEXT, fontsize=10)
    axes.set_ylabel("Frequency (Hz)", color=_TEXT, fontsize=10)
    ticks = [hz for hz in _TICKS_HZ if LOWEST_HZ <= hz <= waveform.sample_rate / 2]
    axes.set_yticks([_height(hz, waveform.sample_rate) for hz in ticks], [_tick_label(hz) for hz in ticks])
    axes.grid(visible=True, axis="y", color=_GRID, alpha=0.12, linewidth=0.6)
    scale = figure.colorbar(image, cax=figure.add_axes((0.925, 0.15, 0.014, 0.8)))
    scale.set_ticks([-80, -60, -40, -20, 0])
    scale.set_label("Level (dB)", color=_TEXT, fontsize=10)
    for part in (axes, scale.ax):
        part.tick_params(colors=_TEXT, labelsize=9)
        for spine in part.spines.values():
            spine.set_visible(False)
    canvas.draw()
    return _compact_png(canvas)


def _compact_png(canvas: FigureCanvasAgg) -> bytes:
    """Return the canvas as a PNG with a palette, less than half the size of full colour."""
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    png = io.BytesIO()
    drawn.quantize(_PALETTE_SIZE).save(png, "PNG")
    return png.getvalue()


def log_spectrogram_db(waveform: Waveform) -> Samples:
    """Return levels of shape (rows, columns) in dB relative to the loudest, at least ``-RANGE_DB``.

    Rows run from ``LOWEST_HZ`` to half the sample rate in equal ratios, columns evenly over time.
    """
    power = _column_power(waveform.samples.mean(axis=0))
    rows = _row_weights(waveform.sample_rate) @ power
    loudest = float(rows.max())
    if loudest <= 0:
        return np.full(rows.shape, -RANGE_DB, np.float32)
    levels = 10 * np.log10(np.maximum(rows / np.float32(loudest), np.float32(1e-20)))
    bounded: Samples = np.maximum(levels, np.float32(-RANGE_DB))
    return bounded


def _column_power(mono: Samples) -> Samples:
    """Return mean power spectra of shape (bins, columns), of windows spaced evenly over the sound."""
    count = _COLUMNS * _WINDOWS_PER_COLUMN
    padded = np.pad(mono, _WINDOW_FRAMES // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_FRAMES)
    positions = ((np.arange(count) + 0.5) * mono.size / count).astype(np.intp)
    taper = np.hanning(_WINDOW_FRAMES).astype(np.float32)
    power = np.empty((count, _WINDOW_FRAMES // 2 + 1), np.float32)
    for start in range(0, count, _WINDOWS_PER_CHUNK):
        chosen = positions[start : start + _WINDOWS_PER_CHUNK]
        spectrum = rfft(windows[chosen] * taper, axis=1)
        power[start : start + len(chosen)] = spectrum.real**2 + spectrum.imag**2
    columns: Samples = power.reshape(_COLUMNS, _WINDOWS_PER_COLUMN, -1).mean(axis=1).T
    return columns


@functools.lru_cache(maxsize=4)
def _row_weights(sample_rate: int) -> Samples:
    """Return the weights of shape (rows, bins): the share of each frequency bin in each row.

    A row is the mean over its band; rows narrower than a bin interpolate between two bins.
    """
    bin_hz = sample_rate / _WINDOW_FRAMES
    edges = np.geomspace(LOWEST_HZ, sample_rate / 2, _ROWS + 1) / bin_hz
    centre = (edges[1:] + edges[:-1]) / 2
    half = np.maximum((edges[1:] - edges[:-1]) / 2, 1.0)
    bins = np.arange(_WINDOW_FRAMES // 2 + 1)
    weights = np.clip(1 + half[:, None] - np.abs(bins - centre[:, None]), 0.0, 1.0)
    weights /= weights.sum(axis=1, keepdims=True)
    narrowed: Samples = weights.astype(np.float32)
    return narrowed


def _height(frequency_hz: float, sample_rate: int) -> float:
    return float(np.log(frequency_hz / LOWEST_HZ) / np.log(sample_rate / 2 / LOWEST_HZ))


def _tick_label(frequency_hz: int) -> str:
    return f"{frequency_hz // 1000}k" if frequency_hz >= 1000 else str(frequency_hz)
