"""Measures how fast tokens are decoded: AudioCraft's `generate`, transformers' MusicGen, and ours.

Run it as ``make bench-decode``: musicgen-small's shape with random weights, 400 steps with guidance, which
takes some seven minutes on two cores. ``make bench-decode BENCH_ARGS=--full`` is for a GPU: small, medium and
large, and 16 jobs at a time. Whatever runs beside it changes the figures; so those compared take turns, and
what is told are medians. Ours is the engine as the worker uses it, with the precision that it chooses.
"""

import argparse
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Protocol

import torch

from benchmarks.decode.bandwidth import Bandwidth
from benchmarks.decode.errors import logits_errors
from benchmarks.decode.ours import Ours
from benchmarks.decode.rivals import AudioCraft, Transformers
from benchmarks.decode.timing import Run, resident_mb
from benchmarks.full_size import write_full_size
from benchmarks.report import keep, machine
from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
from webapp.engines.audiocraft.decoder.native.library import default_library
from webapp.engines.audiocraft.devices import free_memory
from webapp.weights.catalogue import CARD, Checkpoint, published

CLIP_S = 10.0
WARM_UP_STEPS = 20
Figures = Mapping[str, object]


class Generates(Protocol):
    """One of the compared decoders."""

    name: str

    def run(self, steps: int) -> Run: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan: `steps` steps in each of `rounds` rounds, and `jobs` at a time for `batch_steps`."""

    device: str
    rounds: int
    steps: int
    jobs: int
    batch_steps: int


@dataclass(slots=True)
class Measured:
    """Everything that was measured, by what it was."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    batch_steps_per_s: list[float] = field(default_factory=list)
    clip_s: list[float] = field(default_factory=list)
    bandwidth: list[float] = field(default_factory=list)
    ratios: dict[str, list[float]] = field(default_factory=dict)

    def add(self, one: Generates, run: Run) -> Run:
        self.runs.setdefault(one.name, []).append(run)
        print(
            f"  {one.name:13} {run.steps_per_s:7.1f} steps/s, first after {run.first_token_s:.2f} s,"
            f" other programs on {run.others_cores:.2f} cores",
            flush=True,
        )
        return run


def measure(checkpoint: Checkpoint, models_dir: Path, plan: Plan) -> Figures:
    """All figures of one shape."""
    print(f"{checkpoint.name} on {plan.device}", flush=True)
    errors = logits_errors(models_dir, checkpoint.name, plan.device)
    print("  error of logits", *(f"{name} {error:.2%}" for name, error in errors.items()), flush=True)
    memory: dict[str, float] = {}
    free_memory(torch.device(plan.device))
    before = _held_mb(plan.device)
    ours = Ours(models_dir, checkpoint.name, plan.device)
    memory["ours"] = (held := _held_mb(plan.device)) - before
    rivals: list[Generates] = [AudioCraft(models_dir, checkpoint.name, plan.device)]
    memory["audiocraft"] = _held_mb(plan.device) - held
    held = _held_mb(plan.device)
    rivals.append(Transformers(checkpoint, plan.device))
    memory["transformers"] = _held_mb(plan.device) - held
    for one in (ours, *rivals):
        one.run(WARM_UP_STEPS)
    measured, bandwidth = Measured(), Bandwidth(plan.device)
    for number in range(plan.rounds):
        print(f" round {number + 1} of {plan.rounds}", flush=True)
        _round(ours, rivals, bandwidth, plan, measured)
    return {**_summary(checkpoint, plan, measured, memory), "logits_error": _rounded(errors, 4)}


def _round(
    ours: Ours, rivals: Sequence[Generates], bandwidth: Bandwidth, plan: Plan, measured: Measured
) -> None:
    """Ours before and after each of the others, so that a ratio is of neighbours in time."""
    measured.bandwidth.append(bandwidth.bytes_per_s())
    last = measured.add(ours, ours.run(plan.steps))
    for rival in rivals:
        theirs = measured.add(rival, rival.run(plan.steps))
        before, last = last, measured.add(ours, ours.run(plan.steps))
        ratio = (before.steps_per_s + last.steps_per_s) / 2 / theirs.steps_per_s
        measured.ratios.setdefault(rival.name, []).append(ratio)
    measured.bandwidth.append(bandwidth.bytes_per_s())
    measured.batch_steps_per_s.append(ours.run_many(plan.jobs, plan.batch_steps).steps_per_s)
    measured.clip_s.append(ours.whole_s(CLIP_S))


def _summary(checkpoint: Checkpoint, plan: Plan, measured: Measured, memory: Mapping[str, float]) -> Figures:
    speeds = {name: [run.steps_per_s for run in runs] for name, runs in measured.runs.items()}
    firsts = {name: median(run.first_token_s for run in runs) for name, runs in measured.runs.items()}
    # The best, since what runs beside it can only make memory look slower, and ours nearer to its bound.
    single, bandwidth = median(speeds["ours"]), max(measured.bandwidth)
    batch = plan.jobs * median(measured.batch_steps_per_s)
    weights = step_bytes(checkpoint, plan.device)
    bound, batch_bound = (
        bandwidth / (weights + kv_cache_bytes(checkpoint, plan, jobs, steps))
        for jobs, steps in ((1, plan.steps), (plan.jobs, plan.batch_steps))
    )
    return {
        "checkpoint": checkpoint.name,
        "steps": plan.steps,
        "steps_per_s": _rounded({name: median(each) for name, each in speeds.items()}),
        "x_audiocraft": round(median(measured.ratios["audiocraft"]), 1),
        "x_transformers": round(median(measured.ratios["transformers"]), 1),
        "all_steps_per_s": {name: [round(speed, 2) for speed in each] for name, each in speeds.items()},
        "others_cores": {
            name: [round(run.others_cores, 2) for run in runs] for name, runs in measured.runs.items()
        },
        "weight_bytes_per_step": weights,
        "read_gb_per_s": _rounded({"median": median(measured.bandwidth) / 1e9, "best": bandwidth / 1e9}),
        "bandwidth": round(single * weights / bandwidth, 2),
        "bound_steps_per_s": _rounded({"one": bound, "batch": batch_bound}, 1),
        "of_bound": _rounded({"one": single / bound, "batch": batch / plan.jobs / batch_bound}),
        "first_token_s": _rounded(firsts),
        "loaded_mb": _rounded(memory),
        "jobs": plan.jobs,
        "batch_steps_per_s": round(batch, 1),
        "x_one_job": round(batch / single, 2),
        "clip_s": CLIP_S,
        "end_to_end_rtf": round(median(measured.clip_s) / CLIP_S, 3),
    }


def step_bytes(checkpoint: Checkpoint, device: str) -> int:
    """Bytes of weights that one step has to read: what a text's beginning needs once is not in it."""
    shape = checkpoint.shape
    # Query, key, value and output, then the text's query and output, then the feed-forward part.
    matrices = shape.layers * (4 + 2 + 8) * shape.dim**2 + shape.codebooks * CARD * shape.dim
    return matrices * (1 if device == "cpu" and instructions() else 2)


def kv_cache_bytes(checkpoint: Checkpoint, plan: Plan, jobs: int, steps: int) -> float:
    """Bytes of keys and values that a step has to read, in the middle of so many steps of jobs."""
    shape = checkpoint.shape
    bytes_each = 1 if plan.device == "cpu" and instructions() else 2
    return 2 * jobs * 2 * shape.layers * shape.dim * (steps / 2) * bytes_each


def instructions() -> str:
    """Return the compiled step's instruction set, empty where it cannot be had."""
    try:
        return default_library().instructions
    except NativeUnavailable:
        return ""


def _rounded(figures: Mapping[str, float], digits: int = 2) -> dict[str, float]:
    return {name: round(value, digits) for name, value in figures.items()}


def _held_mb(device: str) -> float:
    return torch.cuda.memory_allocated(device) / 1e6 if device.startswith("cuda") else resident_mb()


def _where(device: str) -> Figures:
    facts = machine() | {name: version(name) for name in ("torch", "transformers", "audiocraft")}
    facts |= {"threads": torch.get_num_threads(), "compiled_step": instructions() or "none"}
    if device.startswith("cuda"):
        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def _last_line(figures: Figures) -> str:
    steps = figures["steps_per_s"]
    assert isinstance(steps, dict)
    return (
        f"steps_per_s={steps['ours']:.1f} x_audiocraft={figures['x_audiocraft']}"
        f" x_transformers={figures['x_transformers']} bandwidth={figures['bandwidth']}"
        f" end_to_end_rtf={figures['end_to_end_rtf']}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--full", action="store_true", help="small, medium and large, and 16 jobs")
    arguments.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--steps", type=int, default=400)
    arguments.add_argument("--models-dir", type=Path, help="where the checkpoints are, or are to be, written")
    given = arguments.parse_args()
    plan = Plan(given.device, given.rounds, given.steps, 16 if given.full else 8, min(200, given.steps))
    if plan.device.startswith("cuda"):
        # AudioCraft and transformers use the thread's device here and there.
        torch.cuda.set_device(plan.device)
    warnings.simplefilter("ignore")  # what the others deprecate in each other
    where, shapes = _where(plan.device), []
    with tempfile.TemporaryDirectory(prefix="soundloom-decode-") as folder:
        models_dir: Path = given.models_dir or Path(folder)
        for size in ("small", "medium", "large") if given.full else ("small",):
            checkpoint = published(f"musicgen-{size}")
            assert checkpoint is not None
            if not (models_dir / checkpoint.name / "state_dict.bin").is_file():
                write_full_size(models_dir, checkpoint)
            shapes.append(measure(checkpoint, models_dir, plan))
    name = "decode_gpu" if plan.device.startswith("cuda") else "decode"
    keep(name, where, {"shapes": shapes})
    for figures in shapes:
        print(*(f"{key}: {value}" for key, value in figures.items()), sep="\n")
    print(_last_line(shapes[0]))


if __name__ == "__main__":
    main()
