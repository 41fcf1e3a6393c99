"""Memory of real models on a CPU: three of them take turns, and a longer clip stays within bounds.

Run it as ``make test-models-long``: it fails when a bound is broken. MusicGen has the published small
shape, the two others its width with few layers; all weights are random. Every load evicts what was
loaded before, which is what makes memory grow if anything is left behind.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.full_size import write_full_size
from benchmarks.report import keep, machine
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.settings import Settings
from webapp.weights.catalogue import Checkpoint, Shape, published
from webapp.worker.engine_set import EngineSet

MODELS = {"music": "musicgen-small", "audio": "audiogen-medium", "magnet": "magnet-small-10secs"}
FEW_LAYERS = {"audio": 6, "magnet": 2}
CLIP_S, SHORT_S = 10.0, 1.0
# What is promised: of the loaded model, of a clip of ten seconds, and of thirty jobs in turn.
LOADED_MB, CLIP_MB, GROWTH_MB = 2_800, 3_500, 150
WARM_UP, TAIL = 6, 6


def checkpoints() -> dict[str, Checkpoint]:
    """The figures written for each model."""
    small = published(MODELS["music"])
    assert small is not None
    built = {"music": small}
    for model, layers in FEW_LAYERS.items():
        like = published(MODELS[model])
        assert like is not None
        shape = Shape(small.shape.dim, layers, small.shape.heads)
        built[model] = replace(like, name=f"{model}-few-layers", shape=shape, text_encoder=small.text_encoder)
    return built


def memory_mb(field: str) -> float:
    """VmRSS: resident now. VmHWM: at most since `forget_peak`."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1000


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def make(engines: EngineSet, model: str, duration_s: float, seed: int) -> float:
    """Generate one clip; seconds that it took, loading included."""
    began = time.perf_counter()
    request = GenerationRequest("calm rain on a tin roof", duration_s, model, seed)
    (sound,) = generate_all(engines, [request], lambda _index, _share: None, CancelToken())
    assert abs(sound.duration_s - duration_s) < 0.05
    return time.perf_counter() - began


def measure(models_dir: Path, jobs: int, threads: int) -> dict[str, float | list[float]]:
    settings = Settings(
        engine="audiocraft", device="cpu", models_dir=str(models_dir), threads=threads,
        music_checkpoint=MODELS["music"], audio_checkpoint="audio-few-layers",
        magnet_checkpoint="magnet-few-layers", model_memory_reserve_mb=1_000_000,
    )  # fmt: skip
    engines = EngineSet.from_settings(settings)
    forget_peak()
    began = time.perf_counter()
    engines.load("music")
    figures: dict[str, float | list[float]] = {
        "load_s": time.perf_counter() - began,
        "loading_peak_mb": memory_mb("VmHWM"),
        "loaded_mb": memory_mb("VmRSS"),
    }
    forget_peak()
    figures["clip_s"] = make(engines, "music", CLIP_S, 1)
    figures["clip_peak_mb"] = memory_mb("VmHWM")
    after_jobs = []
    for job in range(jobs):
        make(engines, tuple(MODELS)[job % len(MODELS)], SHORT_S, job)
        after_jobs.append(memory_mb("VmRSS"))
        print(f"job {job + 1}: {after_jobs[-1]:.0f} MB", flush=True)
    figures["after_jobs_mb"] = after_jobs
    figures["growth_mb"] = growth(after_jobs)
    return figures


def growth(after_jobs: Sequence[float]) -> float:
    """Return how much more is resident at most in the last jobs than in the first ones after a warm-up."""
    return max(after_jobs[-TAIL:]) - max(after_jobs[WARM_UP : WARM_UP + TAIL])


def broken_bounds(figures: dict[str, float | list[float]]) -> list[str]:
    bounds = {"loaded_mb": LOADED_MB, "clip_peak_mb": CLIP_MB, "growth_mb": GROWTH_MB}
    return [
        f"{name} is {figures[name]:.0f}, which is over {bound}"
        for name, bound in bounds.items()
        if isinstance(value := figures[name], float) and value > bound
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--jobs", type=int, default=30)
    arguments.add_argument("--threads", type=int, default=0)
    arguments.add_argument("--models-dir", type=Path, help="where the checkpoints are, or are to be, written")
    arguments.add_argument("--write", action="store_true", help="only write the checkpoints")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="soundloom-models-") as folder:
        models_dir: Path = given.models_dir or Path(folder)
        missing = [
            c for c in checkpoints().values() if not (models_dir / c.name / "state_dict.bin").is_file()
        ]
        if given.write:
            for checkpoint in missing:
                write_full_size(models_dir, checkpoint)
            return
        if missing:
            # In a process of its own: what building takes is not what serving takes.
            command = [sys.executable, "-m", "benchmarks.bench_model_memory", "--write", "--models-dir"]
            subprocess.run([*command, str(models_dir)], check=True)
        where = machine()
        figures = measure(models_dir, given.jobs, given.threads)
    where |= {"torch": version("torch"), "threads": given.threads}
    keep("model_memory", where, {"jobs": given.jobs, **figures})
    for name, value in figures.items():
        if isinstance(value, float):
            print(f"{name}: {value:.1f}")
    if broken := broken_bounds(figures):
        sys.exit("; ".join(broken))


if __name__ == "__main__":
    main()
