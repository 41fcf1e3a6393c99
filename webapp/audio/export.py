"""All files of a finished sound: four audio formats and the spectrogram, written side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from webapp.audio.encode import AudioFormat, quantise, write_audio, write_pcm
from webapp.audio.finish import FinishedAudio
from webapp.audio.marks import Marks
from webapp.audio.spectrogram import spectrogram_png
from webapp.audio.waveform import Waveform

SPECTROGRAM_SUFFIX = "png"
_THREADS = 2
# Each file's share of the total time, measured on clips of 30 and 120 seconds.
_SHARES = {"mp3": 0.66, "ogg": 0.2, "flac": 0.07, "wav": 0.03, SPECTROGRAM_SUFFIX: 0.04}


@dataclass(frozen=True, slots=True)
class Rendition:
    """One written file; ``suffix`` is wav, flac, ogg, mp3 or png."""

    suffix: str
    path: Path
    size_bytes: int


class _Progress:
    """Sums the progress of all files, which are written by several threads; it never decreases."""

    def __init__(self, progressed: Callable[[float], object]) -> None:
        self._progressed = progressed
        self._lock = Lock()
        self._written = dict.fromkeys(_SHARES, 0.0)

    def of(self, suffix: str) -> Callable[[float], None]:
        """Return the function to which one file's writer reports its share."""

        def record(share: float) -> None:
            with self._lock:
                self._written[suffix] = share
                self._progressed(sum(_SHARES[name] * part for name, part in self._written.items()))

        return record


def write_renditions(
    finished: FinishedAudio,
    directory: Path,
    stem: str,
    *,
    dither_seed: int = 0,
    marks: Marks | None = None,
    progressed: Callable[[float], object] = lambda _share: None,
) -> tuple[Rendition, ...]:
    """Write ``stem.wav``, ``.flac``, ``.ogg``, ``.mp3`` and ``.png`` into an existing directory.

    WAV and FLAC have the same samples. ``marks`` are written into each sound. ``progressed`` is called on any
    thread with the share that is written, 0 to 1. Raises the error of the
    first writer that failed, once all have stopped; files may then be incomplete.
    """
    waveform = finished.waveform
    pcm = quantise(waveform, dither_seed, exact_frames=finished.kept_frames)
    paths = {suffix: directory / f"{stem}.{suffix}" for suffix in (*AudioFormat, SPECTROGRAM_SUFFIX)}
    rate, part = waveform.sample_rate, _Progress(progressed).of
    # The slowest goes first, so that the others run in parallel to it.
    writers: list[Callable[[], None]] = [
        lambda: write_audio(paths["mp3"], waveform, AudioFormat.MP3, marks=marks, progressed=part("mp3")),
        lambda: _write_picture(paths["png"], waveform, part("png")),
        lambda: write_audio(paths["ogg"], waveform, AudioFormat.OGG, marks=marks, progressed=part("ogg")),
        lambda: write_pcm(paths["flac"], pcm, rate, AudioFormat.FLAC, marks=marks, progressed=part("flac")),
        lambda: write_pcm(paths["wav"], pcm, rate, AudioFormat.WAV, marks=marks, progressed=part("wav")),
    ]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="rendition") as pool:
        futures = [pool.submit(writer) for writer in writers]
    for future in futures:
        future.result()
    return tuple(Rendition(str(suffix), path, path.stat().st_size) for suffix, path in paths.items())


def warm_up(*sample_rates: int) -> None:
    """Do one-time work in advance, such as loading fonts, so that no job waits for it.

    `sample_rates` are those of the sounds that will come, where that is known.
    """
    for sample_rate in sample_rates or (48_000,):
        spectrogram_png(Waveform(np.zeros((2, 4800), np.float32), sample_rate))


def _write_picture(path: Path, waveform: Waveform, progressed: Callable[[float], object]) -> None:
    path.write_bytes(spectrogram_png(waveform))
    progressed(1.0)
