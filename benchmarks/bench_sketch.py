"""Measures sketch: by kind of prompt, from submission to a finished sound, and to its first half second.

Run it as ``make bench-sketch``, on a quiet machine. Factors are times faster than real time in processor
time of one core, so other load does not count; all is run once unmeasured, and each figure is a median.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx

from benchmarks.report import keep, machine
from benchmarks.servers import NO_LIMIT, accounts, data_folder, serve
from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.export import warm_up, write_renditions
from webapp.audio.finish import finish
from webapp.audio.spectrogram import spectrogram_png
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.engines.registry import create_engine
from webapp.engines.sketch.effects.render import SAMPLE_RATE
from webapp.engines.sketch.mixing import render_plan
from webapp.engines.sketch.understanding.reading import read_prompt
from webapp.services.container import open_services
from webapp.settings import Settings

# One or two of each kind.
PROMPTS = {
    "solo": ("solo flute in D", "solo piano"),
    "acoustic band": ("jazz trio", "bluegrass"),
    "electronic": ("128 BPM techno", "synthwave", "8-bit chiptune"),
    "rock band": ("rock", "heavy metal"),
    "orchestra": ("symphony orchestra", "epic orchestral trailer with taiko drums"),
    "texture": ("ambient", "choir in a cathedral"),
    "weather": ("rain", "wind in the trees"),
    "machines": ("helicopter", "vacuum cleaner"),
    "events": ("a dog barks three times, then a door slams", "footsteps on gravel"),
    "mixture": ("slow piano over heavy rain", "lofi beat with vinyl crackle and rain"),
}
MAX_JOB_S, LEAST_FACTOR, MAX_FIRST_S = 2.5, 20.0, 0.2
DURATIONS_S = (8.0, 30.0)
STAGES_DURATION_S = 30.0


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure the sketch engine.")
    arguments.add_argument("--runs", type=int, default=3)
    runs = arguments.parse_args().runs
    where = machine()
    warm_up()
    factors = {kind: factors_of(kind, runs) for kind in PROMPTS}
    first_s = {kind: max(map(first_section_s, prompts)) for kind, prompts in PROMPTS.items()}
    for kind, first in first_s.items():
        print(f"{kind:16} first section {1000 * first:5.0f} ms")
    for prompt in ("slow piano over heavy rain", "128 BPM techno"):
        print_stages(prompt, runs)
    jobs_s = submitted_to_done_s("128 BPM techno", runs)
    print(f"30 s clip, submitted to done: {jobs_s:.2f} s")
    least = min(min(by_length.values()) for by_length in factors.values())
    keep(
        "sketch", where,
        {"factors": factors, "first_section_s": first_s, "clip_30_s": jobs_s},
    )  # fmt: skip
    print(
        f"least factor {least:.0f} (at least {LEAST_FACTOR:.0f}), "
        f"first section {max(first_s.values()):.3f} s (at most {MAX_FIRST_S}), "
        f"job {jobs_s:.2f} s (at most {MAX_JOB_S})"
    )


def factors_of(kind: str, runs: int) -> dict[str, float]:
    """The slowest prompt of a kind, by duration: times faster than real time."""
    found = {
        f"{duration_s:.0f}": min(
            duration_s / median_s(partial(generate, prompt, duration_s), runs, time.process_time)
            for prompt in PROMPTS[kind]
        )
        for duration_s in DURATIONS_S
    }
    print(f"{kind:16}" + "".join(f"{factor:7.0f} x at {length} s" for length, factor in found.items()))
    return found


def first_section_s(prompt: str) -> float:
    """Processor time to the first half second of sound, in a process that has played before."""
    plans = [read_prompt(prompt, "music", seed) for seed in (1, 2, 3)]
    return median_s(
        lambda: [next(render_plan(plan, 30 * SAMPLE_RATE, with_ending=True)) for plan in plans],
        1,
        time.process_time,
    ) / len(plans)


def submitted_to_done_s(prompt: str, runs: int) -> float:
    """From the request to the event that tells of the end, through a server and its worker."""

    async def one_token(settings: Settings) -> str:
        async with open_services(settings) as services:
            return (await accounts(services, 1))[0][1]

    with data_folder() as folder:
        settings = Settings(data_dir=str(folder), port=0, creator_hourly=NO_LIMIT, engine="sketch")
        headers = {"Authorization": f"Bearer {asyncio.run(one_token(settings))}"}
        with (
            serve(settings) as (_, port),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, headers=headers) as client,
        ):

            def job() -> None:
                work = {"prompt": prompt, "duration": STAGES_DURATION_S, "model": "music"}
                job_id = client.post("/generate", json=work).raise_for_status().json()["job_id"]
                with client.stream("GET", f"/job/{job_id}/events") as stream:
                    for _ in stream.iter_lines():
                        pass

            return median_s(job, runs)


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


def median_s(work: Callable[[], object], runs: int, clock: Callable[[], float] = time.perf_counter) -> float:
    work()
    times = []
    for _ in range(runs):
        began = clock()
        work()
        times.append(clock() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
