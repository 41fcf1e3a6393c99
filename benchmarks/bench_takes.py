"""Measures what several takes of one request cost: eight together against one, and the finishing of each.

Run it as ``make bench-takes``: musicgen-small's shape with random weights, clips of 30 s with guidance;
some ten minutes on two cores. One and eight take turns, so that the ratio is of neighbours in time. Decoding
is from the first request to the last waveform; finishing is levelling, scoring and writing every file of a
sound, which the worker does beside the engine.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

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


def decoded(
    engine: AudioCraftEngine, takes: int, duration_s: float, seed: int
) -> tuple[float, list[Waveform]]:
    """Return the seconds that so many takes took, and their sounds."""
    requests = [
        GenerationRequest("calm rain on a tin roof", duration_s, "music", seed + number)
        for number in range(takes)
    ]
    began = time.perf_counter()
    sounds = generate_all(engine, requests, lambda _index, _share: None, CancelToken())
    return time.perf_counter() - began, sounds


def finished_s(sound: Waveform, duration_s: float) -> float:
    """Return the seconds that finishing one sound took."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_renditions(finish(sound, duration_s=duration_s, loopable=False), Path(folder), "sound")
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duration", type=float, default=30.0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    about = machine()
    one_s, all_s, finishing_s = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = published(CHECKPOINT)
        assert checkpoint is not None
        write_full_size(Path(folder), checkpoint)
        options = EngineOptions(Path(folder), {"music": CHECKPOINT}, device=arguments.device)
        engine = AudioCraftEngine(options)
        engine.load("music")
        decoded(engine, 1, 1.0, 0)
        for number in range(arguments.rounds):
            before_s, _ = decoded(engine, 1, arguments.duration, 100 * number)
            together_s, sounds = decoded(engine, TAKES, arguments.duration, 100 * number + 10)
            after_s, _ = decoded(engine, 1, arguments.duration, 100 * number + 50)
            one_s.append((before_s + after_s) / 2)
            all_s.append(together_s)
            finishing_s += [finished_s(sound, arguments.duration) for sound in sounds]
            print(
                f"one {before_s:.1f} and {after_s:.1f} s, {TAKES} together {together_s:.1f} s:"
                f" {together_s / one_s[-1]:.2f} times; finishing each {median(finishing_s):.1f} s",
                flush=True,
            )
        precision = engine.info("music").precision
    ratios = [together / one for one, together in zip(one_s, all_s, strict=True)]
    print(
        f"{TAKES} takes took {median(ratios):.2f} times the time of one (wanted: under {MOST}), {precision}"
    )
    figures = {
        "checkpoint": CHECKPOINT,
        "device": arguments.device,
        "precision": precision,
        "duration_s": arguments.duration,
        "one_s": [round(each, 2) for each in one_s],
        "eight_s": [round(each, 2) for each in all_s],
        "ratio": round(median(ratios), 2),
        "finishing_each_s": round(median(finishing_s), 2),
    }
    keep("takes", about, figures)


if __name__ == "__main__":
    main()
