"""`soundloom models check`."""

from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path

from webapp.cli._progress import gigabytes
from webapp.engines.audiocraft.checkpoint_selection import (
    SelectedCheckpoint,
    explain_unavailable,
    select_checkpoint,
)
from webapp.engines.audiocraft.devices import DeviceMemory, Precision, resolve_device, resolve_precision
from webapp.engines.audiocraft.estimates import estimated_bytes, kv_cache_bytes
from webapp.engines.audiocraft.factory import default_precision, supported_precision
from webapp.engines.audiocraft.loading.inspection import CheckpointFacts, inspect_checkpoint
from webapp.engines.audiocraft.precision import code_version
from webapp.engines.base import EngineError
from webapp.errors import Conflict, NotFound
from webapp.settings import load_settings
from webapp.weights.catalogue import KIND_OF_MODEL, MODELS, Kind, published, usage_of
from webapp.weights.verdicts import BOUND, kept_distances

MODEL_OF = {kind: model for model, kind in KIND_OF_MODEL.items()}
CHANNELS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True, slots=True)
class _Report:
    """The result of a check of a checkpoint, for one device."""

    checkpoint: SelectedCheckpoint
    facts: CheckpointFacts
    device: str
    precision: Precision
    precision_note: str
    needed_bytes: int
    available_bytes: int | None

    @property
    def fits(self) -> bool:
        return self.available_bytes is None or self.needed_bytes <= self.available_bytes


def check(arguments: Namespace) -> int:
    """Report whether a checkpoint will load, on which device, in which precision and in how much memory."""
    settings = load_settings()
    models_dir = settings.models_path
    name = arguments.name
    checkpoint = _selected(name, models_dir)
    known = published(name)
    try:
        facts = inspect_checkpoint(checkpoint.folder, models_dir, known.kind if known else None)
        report = _report(replace(checkpoint, kind=facts.kind), facts, settings.device, settings.precision)
    except EngineError as error:
        raise Conflict(f"{checkpoint.name} will not load: {error}") from error
    _print(report)
    if not report.fits:
        raise Conflict(
            f"{checkpoint.name} will not load now: it does not fit into the memory of {report.device}"
        )
    return 0


def _selected(name: str, models_dir: Path) -> SelectedCheckpoint:
    """Select the checkpoint of a published name or of a folder. Raises NotFound with the missing files."""
    known = published(name)
    folder = models_dir / name
    if known is None and not folder.is_dir() and Path(name).is_dir():
        # Relative to the working directory, as usual in a shell.
        name = str(Path(name).absolute())
    for model in [known.model] if known else MODELS:
        checkpoint = select_checkpoint(model, name, models_dir)
        if checkpoint is not None:
            return checkpoint
    raise NotFound(explain_unavailable(known.model if known else MODELS[0], name, models_dir))


def _report(
    checkpoint: SelectedCheckpoint, facts: CheckpointFacts, device_setting: str, precision_setting: str
) -> _Report:
    device = resolve_device(device_setting)
    requested = supported_precision(resolve_precision(precision_setting, device), facts.kind)
    precision, note = _precision(checkpoint, device.type, requested)
    needed = estimated_bytes(checkpoint, device.type, precision)
    if facts.kind is not Kind.MAGNET:
        needed += kv_cache_bytes(facts.layers, facts.dim, facts.columns, precision)
    available = DeviceMemory(device).available_bytes()
    return _Report(checkpoint, facts, str(device), precision, note, needed, available)


def _precision(
    checkpoint: SelectedCheckpoint, device: str, requested: Precision | None
) -> tuple[Precision, str]:
    """Return the precision it would be computed in, and how that is known."""
    if requested is not None:
        return requested, "as requested"
    first = default_precision(device, checkpoint.kind)
    if first is Precision.FLOAT32:
        return first, "exact"
    known = kept_distances(checkpoint.folder, checkpoint.lm_files, code_version(), device)
    measured = ", ".join(f"{name} is {distance:.3f}" for name, distance in known.items())
    if first not in known:
        return first, "initially; its weights are measured when it is loaded"
    fit = (each for each in (first, Precision.BFLOAT16) if known.get(each, BOUND + 1) <= BOUND)
    note = f"its weights were measured: {measured} from float32, at most {BOUND:g}"
    return next(fit, Precision.FLOAT32), note


def _print(report: _Report) -> None:
    checkpoint, facts = report.checkpoint, report.facts
    usage = usage_of(facts.kind, facts.sample_rate, facts.window_s)
    defaults = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in usage.sampling.items())
    available = "" if report.available_bytes is None else f"; {gigabytes(report.available_bytes)} are free"
    print(f"{checkpoint.name} loads: {checkpoint.folder}")
    print(f"serves     {MODEL_OF[facts.kind]}, {facts.kind}")
    print(
        f"sound      {facts.sample_rate} Hz, {CHANNELS.get(facts.channels, facts.channels)},"
        f" windows of {facts.window_s:g} s"
    )
    print(f"defaults   {defaults}")
    print(f"device     {report.device}")
    print(f"precision  {report.precision} ({report.precision_note})")
    print(f"memory     about {gigabytes(report.needed_bytes)} with one sound at a time{available}")
