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

    choice: SelectedCheckpoint
    found: CheckpointFacts
    device: str
    precision: Precision
    precision_note: str
    needed_bytes: int
    available_bytes: int | None

    @property
    def fits(self) -> bool:
        return self.available_bytes is None or self.needed_bytes <= self.available_bytes


def check(arguments: Namespace) -> int:
    """Tell of a checkpoint whether it will load, on what, in which precision and how much memory it takes."""
    settings = load_settings()
    models_dir = settings.models_path
    name = arguments.name
    choice = _chosen(name, models_dir)
    known = published(name)
    try:
        found = inspect_checkpoint(choice.folder, models_dir, known.kind if known else None)
        report = _report(replace(choice, kind=found.kind), found, settings.device, settings.precision)
    except EngineError as error:
        raise Conflict(f"{choice.name} will not load: {error}") from error
    _print(report)
    if not report.fits:
        raise Conflict(f"{choice.name} will not load now: it does not fit into the memory of {report.device}")
    return 0


def _chosen(name: str, models_dir: Path) -> SelectedCheckpoint:
    """The checkpoint of a published name, or in a folder. Raises NotFound with what it lacks."""
    known = published(name)
    folder = models_dir / name
    if known is None and not folder.is_dir() and Path(name).is_dir():
        # As somebody at a shell means it.
        name = str(Path(name).absolute())
    for model in [known.model] if known else MODELS:
        choice = select_checkpoint(model, name, models_dir)
        if choice is not None:
            return choice
    raise NotFound(explain_unavailable(known.model if known else MODELS[0], name, models_dir))


def _report(
    choice: SelectedCheckpoint, found: CheckpointFacts, device_setting: str, precision_setting: str
) -> _Report:
    device = resolve_device(device_setting)
    asked = supported_precision(resolve_precision(precision_setting, device), found.kind)
    precision, note = _precision(choice, device.type, asked)
    needed = estimated_bytes(choice, device.type, precision)
    if found.kind is not Kind.MAGNET:
        needed += kv_cache_bytes(found.layers, found.dim, found.columns, precision)
    available = DeviceMemory(device).available_bytes()
    return _Report(choice, found, str(device), precision, note, needed, available)


def _precision(choice: SelectedCheckpoint, device: str, asked: Precision | None) -> tuple[Precision, str]:
    """Return the precision it would be computed in, and how that is known."""
    if asked is not None:
        return asked, "as asked for"
    first = default_precision(device, choice.kind)
    if first is Precision.FLOAT32:
        return first, "exact"
    known = kept_distances(choice.folder, choice.lm_files, code_version(), device)
    told = ", ".join(f"{name} is {distance:.3f}" for name, distance in known.items())
    if first not in known:
        return first, "to begin with; its weights are asked when it is loaded"
    fit = (each for each in (first, Precision.BFLOAT16) if known.get(each, BOUND + 1) <= BOUND)
    return next(fit, Precision.FLOAT32), f"its weights were asked: {told} from float32, at most {BOUND:g}"


def _print(report: _Report) -> None:
    choice, found = report.choice, report.found
    usage = usage_of(found.kind, found.sample_rate, found.window_s)
    defaults = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in usage.sampling.items())
    available = "" if report.available_bytes is None else f"; {gigabytes(report.available_bytes)} are free"
    print(f"{choice.name} loads: {choice.folder}")
    print(f"serves     {MODEL_OF[found.kind]}, {found.kind}")
    print(
        f"sound      {found.sample_rate} Hz, {CHANNELS.get(found.channels, found.channels)},"
        f" windows of {found.window_s:g} s"
    )
    print(f"defaults   {defaults}")
    print(f"device     {report.device}")
    print(f"precision  {report.precision} ({report.precision_note})")
    print(f"memory     about {gigabytes(report.needed_bytes)} with one sound at a time{available}")
