"""Measures what several takes of one request cost: eight together against one, and the finishing of each.

Run it as ``make bench-takes``: musicgen-small's shape with random weights, clips of 30 s with guidance;
some ten minutes on two quiet cores. One and eight take turns, so that the ratio is of neighbours in time.
Decoding is from the first request to the last waveform; finishing is levelling, scoring and writing every
file of a sound, which the worker does beside the engine. On a machine that is busy with other programs, the
processor's time on one thread (``--threads 1``) says more than the clock.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.full_size import write_full_size
from benchmarks.report import keep, machine
from webapp.audio.export import write_renditions
from webapp.audio.finish import finish
from webapp.audio.waveform import Waveform
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.base import CancelToken, EngineOptions, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.weights.catalogue import published

CHECKPOINT = "musicgen-small"
TAKES = 8
MOST = 3.2
"""Eight takes together are to take less than this many times the time of one."""


class Spent(NamedTuple):
    """Seconds by the clock, and of the processor."""

    clock_s: float
    processor_s: float

    def over(self, one: "Spent") -> "Spent":
        """Return how many times another's these are."""
        return Spent(self.clock_s / one.clock_s, self.processor_s / one.processor_s)


def decoded(
    engine: AudioCraftEngine, takes: int, duration_s: float, seed: int
) -> tuple[Spent, list[Waveform]]:
    """Return the time that so many takes took, and their sounds."""
    requests = [
        GenerationRequest("calm rain on a tin roof", duration_s, "music", seed + number)
        for number in range(takes)
    ]
    clock_s, processor_s = time.perf_counter(), time.process_time()
    sounds = generate_all(engine, requests, lambda _index, _share: None, CancelToken())
    return Spent(time.perf_counter() - clock_s, time.process_time() - processor_s), sounds


def finished(sound: Waveform, duration_s: float) -> Spent:
    """Return the time that finishing one sound took."""
    with tempfile.TemporaryDirectory() as folder:
        clock_s, processor_s = time.perf_counter(), time.process_time()
        write_renditions(finish(sound, duration_s=duration_s, loopable=False), Path(folder), "sound")
        return Spent(time.perf_counter() - clock_s, time.process_time() - processor_s)


def measure(engine: AudioCraftEngine, rounds: int, duration_s: float) -> dict[str, object]:
    """Return all figures."""
    decoded(engine, 1, 1.0, 0)
    ones, eights, ratios, finishing = [], [], [], []
    for number in range(rounds):
        before, _ = decoded(engine, 1, duration_s, 100 * number)
        together, sounds = decoded(engine, TAKES, duration_s, 100 * number + 10)
        after, _ = decoded(engine, 1, duration_s, 100 * number + 50)
        one = Spent(*(sum(each) / 2 for each in zip(before, after, strict=True)))
        ones.append(one)
        eights.append(together)
        ratios.append(together.over(one))
        finishing += [finished(sound, duration_s) for sound in sounds]
        print(f"one {one}, {TAKES} together {together}: {ratios[-1]}", flush=True)
    return {
        "precision": engine.info("music").precision,
        "one_s": _medians(ones),
        "eight_s": _medians(eights),
        "ratio": _medians(ratios),
        "finishing_each_s": _medians(finishing),
    }


def _medians(spent: list[Spent]) -> dict[str, float]:
    return {name: round(median(getattr(each, name) for each in spent), 2) for name in Spent._fields}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duration", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    about = machine()
    checkpoint = published(CHECKPOINT)
    assert checkpoint is not None
    with tempfile.TemporaryDirectory() as folder:
        write_full_size(Path(folder), checkpoint)
        options = EngineOptions(
            Path(folder), {"music": CHECKPOINT}, device=arguments.device, threads=arguments.threads
        )
        engine = AudioCraftEngine(options)
        engine.load("music")
        figures = measure(engine, arguments.rounds, arguments.duration)
    print(f"{TAKES} takes took {figures['ratio']} times the time of one; wanted: under {MOST}")
    asked = {"checkpoint": CHECKPOINT, **vars(arguments)}
    keep("takes", about, {**asked, **figures})


if __name__ == "__main__":
    main()
