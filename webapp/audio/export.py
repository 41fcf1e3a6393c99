"""All files of a finished sound: four audio formats and the spectrogram, written side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from webapp.audio.encode import AudioFormat, quantise, write_audio, write_pcm
from webapp.audio.finish import FinishedAudio
from webapp.audio.spectrogram import spectrogram_png
from webapp.audio.waveform import Waveform

SPECTROGRAM_SUFFIX = "png"
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Rendition:
    """One written file; ``suffix`` is wav, flac, ogg, mp3 or png."""

    suffix: str
    path: Path
    size_bytes: int


def write_renditions(
    finished: FinishedAudio, directory: Path, stem: str, *, dither_seed: int = 0
) -> tuple[Rendition, ...]:
    """Write ``stem.wav``, ``.flac``, ``.ogg``, ``.mp3`` and ``.png`` into an existing directory.

    WAV and FLAC hold the same samples. Raises what the first failing writer raised, once all have
    stopped; the files may then be incomplete.
    """
    waveform = finished.waveform
    pcm = quantise(waveform, dither_seed)
    paths = {suffix: directory / f"{stem}.{suffix}" for suffix in (*AudioFormat, SPECTROGRAM_SUFFIX)}
    # The slowest goes first, so that the others run beside it.
    writers: list[Callable[[], None]] = [
        lambda: write_audio(paths["mp3"], waveform, AudioFormat.MP3),
        lambda: _write_picture(paths["png"], waveform),
        lambda: write_audio(paths["ogg"], waveform, AudioFormat.OGG),
        lambda: write_pcm(paths["flac"], pcm, waveform.sample_rate, AudioFormat.FLAC),
        lambda: write_pcm(paths["wav"], pcm, waveform.sample_rate, AudioFormat.WAV),
    ]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="rendition") as pool:
        futures = [pool.submit(writer) for writer in writers]
    for future in futures:
        future.result()
    return tuple(Rendition(str(suffix), path, path.stat().st_size) for suffix, path in paths.items())


def warm_up() -> None:
    """Do what only the first call would have to do, such as reading fonts, before a job waits for it."""
    silence = Waveform(np.zeros((2, 4800), np.float32), 48_000)
    spectrogram_png(silence)


def _write_picture(path: Path, waveform: Waveform) -> None:
    path.write_bytes(spectrogram_png(waveform))
