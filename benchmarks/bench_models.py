"""Every published checkpoint at full size: does it load and generate, how quickly, in how much memory?

Weights are random, in the published shapes: time and memory do not depend on their values. They are built one
after the other in a temporary folder, in a process of their own, and deleted before the next. Device and
precision are those of the settings (`SOUNDLOOM_DEVICE`, `SOUNDLOOM_PRECISION`, `SOUNDLOOM_THREADS`).
What does not fit is a row of the table, not the end of it.

    make bench-models                                     all of them
    make bench-models BENCH_ARGS="--only musicgen-small"  some of them
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from benchmarks.report import RESULTS, cpu_name, keep, machine
from webapp.engines.base import CancelToken, EngineError, GenerationRequest, TaskSource
from webapp.engines.batch import generate_all
from webapp.settings import load_settings
from webapp.weights.catalogue import CHECKPOINTS, Checkpoint, published

NAME = "models"
DOCUMENT = Path(__file__).parents[1] / "docs/models.md"
BEGIN, END = "<!-- bench-models: begin -->", "<!-- bench-models: end -->"
PROMPT = "calm rain on a tin roof with a distant piano"
MB = 1_000_000
COLUMNS = (
    "checkpoint", "device", "precision", "load", "first clip", "clip", "times real time",
    "at once", "host memory, peak", "GPU memory, peak", "date",
)  # fmt: skip

Row: TypeAlias = dict[str, str | float | int | None]


def build(models_dir: Path, checkpoint: Checkpoint) -> None:
    from benchmarks.full_size import write_full_size  # noqa: PLC0415 - only for the process that builds

    write_full_size(models_dir, checkpoint)


def measure(models_dir: Path, checkpoint: Checkpoint, duration_s: float, at_once: int) -> Row:
    """Load a checkpoint and generate with it, in a process that did nothing else."""
    import torch  # noqa: PLC0415 - only for the process that measures

    from webapp.engines.audiocraft.devices import (  # noqa: PLC0415
        Precision,
        resolve_device,
        resolve_precision,
    )
    from webapp.engines.audiocraft.factory import initial_precision, scheduler_for  # noqa: PLC0415
    from webapp.engines.audiocraft.loading.model_loader import load_model  # noqa: PLC0415
    from webapp.engines.audiocraft.scheduler import Scheduler  # noqa: PLC0415

    class Served:
        def __init__(self, scheduler: Scheduler) -> None:
            self._scheduler = scheduler

        def serve(self, model: str, source: TaskSource) -> None:
            self._scheduler.serve(source)

    settings = load_settings()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = resolve_device(settings.device)
    asked = resolve_precision(settings.precision, device)
    is_cuda = device.type == "cuda"
    row: Row = {
        "device": torch.cuda.get_device_name(device) if is_cuda else _processor(torch.get_num_threads())
    }
    began = time.perf_counter()
    model = load_model(
        models_dir / checkpoint.name, models_dir, checkpoint.kind,
        device=device, dtype=(asked or Precision.FLOAT16).dtype if is_cuda else None,
    )  # fmt: skip
    precision = initial_precision(asked, model)
    # Random weights say nothing of what published ones allow.
    served = Served(scheduler_for(model, precision))
    row |= {"precision": precision.value, "load_s": time.perf_counter() - began}
    row["first_clip_s"] = _clips(served, checkpoint, duration_s, 1)
    row["clip_s"] = _clips(served, checkpoint, duration_s, 1)
    if at_once > 1:
        row |= {"at_once": at_once, "at_once_s": _clips(served, checkpoint, duration_s, at_once)}
    row["host_peak_mb"] = _peak_mb()
    if is_cuda:
        row["gpu_peak_mb"] = torch.cuda.max_memory_reserved(device) / MB
    return row


def _clips(served: object, checkpoint: Checkpoint, duration_s: float, count: int) -> float:
    """Seconds for so many clips side by side."""
    requests = [GenerationRequest(PROMPT, duration_s, checkpoint.model, seed) for seed in range(count)]
    began = time.perf_counter()
    sounds = generate_all(served, requests, lambda _index, _share: None, CancelToken())  # type: ignore[arg-type] # defined where torch is imported
    took_s = time.perf_counter() - began
    assert all(abs(sound.duration_s - duration_s) < 0.05 for sound in sounds)
    return took_s


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000


def _processor(threads: int) -> str:
    return f"{cpu_name().partition(' (')[0]}, {threads} {'thread' if threads == 1 else 'threads'}"


def one(checkpoint: Checkpoint, duration_s: float, at_once: int) -> Row:
    """Build, measure and delete one checkpoint."""
    row: Row = {"checkpoint": checkpoint.name, "duration_s": duration_s, "taken": _today()}
    with tempfile.TemporaryDirectory(prefix="soundloom-bench-") as folder:
        here = ("--models-dir", folder, "--only", checkpoint.name)
        try:
            _in_process(*here, "--step", "build")
            said = _in_process(
                *here, "--step", "measure", "--duration", str(duration_s), "--at-once", str(at_once)
            )
        except subprocess.CalledProcessError as error:
            sys.stderr.write(error.stderr)
            return row | {
                "error": (error.stderr.strip().splitlines() or [f"ended with {error.returncode}"])[-1]
            }
    measured: Row = json.loads(said.splitlines()[-1])
    return row | measured


def _in_process(*arguments: str) -> str:
    """Return the output of this program with these arguments."""
    command = [sys.executable, "-m", "benchmarks.bench_models", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def step(arguments: argparse.Namespace, checkpoint: Checkpoint) -> None:
    """Run one measurement in a process of its own."""
    if arguments.step == "build":
        build(arguments.models_dir, checkpoint)
        return
    try:
        row = measure(arguments.models_dir, checkpoint, arguments.duration, arguments.at_once)
    except EngineError as error:
        row = {"error": str(error)}
    print(json.dumps(row))


def merged(old: Sequence[Row], new: Row) -> list[Row]:
    """The rows, with a new one in place of the last of the same checkpoint, device and precision."""

    def key(row: Row) -> tuple[object, ...]:
        return row["checkpoint"], row.get("device"), row.get("precision"), row["duration_s"]

    order = {checkpoint.name: place for place, checkpoint in enumerate(CHECKPOINTS)}
    rows = [*(row for row in old if key(row) != key(new)), new]
    return sorted(rows, key=lambda row: (str(row.get("device")), order[str(row["checkpoint"])]))


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    def number(key: str, unit: str, divisor: float = 1.0) -> str:
        value = row.get(key)
        return f"{value / divisor:.1f} {unit}" if isinstance(value, int | float) else "–"

    clip_s, duration_s = row.get("clip_s"), row["duration_s"]
    is_known = isinstance(clip_s, float) and isinstance(duration_s, float)
    speed = f"{duration_s / clip_s:.2f}" if is_known else str(row.get("error", "–"))  # type: ignore[operator] # narrowed above
    at_once = f"{row['at_once']} in {number('at_once_s', 's')}" if row.get("at_once") else "–"
    return (
        str(row["checkpoint"]), str(row.get("device", "–")), str(row.get("precision", "–")),
        number("load_s", "s"), number("first_clip_s", "s"), f"{duration_s:g} s in {number('clip_s', 's')}",
        speed, at_once, number("host_peak_mb", "GB", 1000), number("gpu_peak_mb", "GB", 1000),
        str(row["taken"]),
    )  # fmt: skip


def write_document(rows: Sequence[Row]) -> None:
    """Put the table into the page about models."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}", encoding="utf-8")


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _kept() -> list[Row]:
    path = RESULTS / f"{NAME}.json"
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.exists() else []
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="checkpoints, instead of all")
    parser.add_argument("--duration", type=float, default=10.0, metavar="S", help="length of a clip")
    parser.add_argument(
        "--at-once", type=int, default=1, metavar="N", help="also time so many clips side by side"
    )
    parser.add_argument("--step", choices=("build", "measure"), help=argparse.SUPPRESS)
    parser.add_argument("--models-dir", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.only or [checkpoint.name for checkpoint in CHECKPOINTS]
    chosen = [checkpoint for name in names if (checkpoint := published(name)) is not None]
    if len(chosen) != len(names):
        sys.exit(f"unknown name; known: {', '.join(checkpoint.name for checkpoint in CHECKPOINTS)}")
    if arguments.step:
        step(arguments, chosen[0])
        return
    # Gigabytes must not be left behind by a run that is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows = _kept()
    where = machine() | {"torch": version("torch")}
    for checkpoint in chosen:
        row = one(checkpoint, arguments.duration, arguments.at_once)
        print(table([row]).splitlines()[-1], flush=True)
        # At once: what comes after it may take hours, or be stopped.
        rows = merged(rows, row)
        keep(NAME, where, {"rows": rows})
        write_document(rows)
    if any("error" in row for row in rows if row["checkpoint"] in names):
        sys.exit(1)


if __name__ == "__main__":
    main()
