"""How fast sketch and the work after generation are on this machine.

Run it as ``python -m benchmarks.bench_sketch``; for the figures on one core, as
``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 taskset -c 0 python -m benchmarks.bench_sketch``.
Everything is run once unmeasured; each figure is the median of ``--runs`` runs in wall-clock time.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import scipy
import soundfile

from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.export import warm_up, write_renditions
from webapp.audio.finish import finish
from webapp.audio.spectrogram import spectrogram_png
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.engines.registry import create_engine

PROMPTS = (
    "slow piano over heavy rain",
    "128 BPM techno",
    "rain",
    "solo flute in D",
    "epic orchestral trailer with drums, thunder and wind",
)
DURATIONS_S = (8.0, 30.0, 180.0)
STAGES_DURATION_S = 30.0


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure the sketch engine.")
    arguments.add_argument("--runs", type=int, default=5)
    runs = arguments.parse_args().runs
    print_machine()
    warm_up()
    print(f"\nSketch, times faster than real time (median of {runs})")
    print(f"{'prompt':54}" + "".join(f"{duration_s:>8.0f} s" for duration_s in DURATIONS_S))
    for prompt in PROMPTS:
        factors = [
            duration_s / median_s(partial(generate, prompt, duration_s), runs) for duration_s in DURATIONS_S
        ]
        print(f"{prompt:54}" + "".join(f"{factor:>10.0f}" for factor in factors))
    for prompt in PROMPTS[:2]:
        print_stages(prompt, runs)


def print_machine() -> None:
    print(f"{cpu_name()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores")
    print(
        f"CPython {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"soundfile {soundfile.__version__} ({soundfile.__libsndfile_version__})"
    )


def cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def print_stages(prompt: str, runs: int) -> None:
    """Each stage alone, then the way a job takes, with the files written side by side."""
    duration_s = STAGES_DURATION_S
    raw = generate(prompt, duration_s)
    finished = finish(raw, duration_s=duration_s, loopable=False)
    print(f'\nStages of a {duration_s:.0f} s clip, "{prompt}", in milliseconds')
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        stages: dict[str, Callable[[], object]] = {
            "generate": lambda: generate(prompt, duration_s),
            "finish (trim, level, score, outline)": lambda: finish(
                raw, duration_s=duration_s, loopable=False
            ),
            "spectrogram": lambda: spectrogram_png(finished.waveform),
        }
        for audio_format in AudioFormat:
            path = directory / f"alone.{audio_format}"
            stages[f"encode {audio_format}"] = partial(write_audio, path, finished.waveform, audio_format)
        stages["all files in two threads"] = lambda: write_renditions(finished, directory, "all")
        stages["whole job: generate, finish, all files"] = lambda: whole_job(prompt, duration_s, directory)
        for name, stage in stages.items():
            print(f"  {name:44}{1000 * median_s(stage, runs):8.0f}")


def generate(prompt: str, duration_s: float) -> Waveform:
    request = GenerationRequest(prompt, duration_s, "music", seed=1)
    (sound,) = generate_all(create_engine("sketch"), [request], lambda _index, _share: None, CancelToken())
    return sound


def whole_job(prompt: str, duration_s: float, directory: Path) -> None:
    write_renditions(
        finish(generate(prompt, duration_s), duration_s=duration_s, loopable=False), directory, "job"
    )


def median_s(work: Callable[[], object], runs: int) -> float:
    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
