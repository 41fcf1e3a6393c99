"""The engine that runs MusicGen, AudioGen and MAGNeT."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from webapp.engines.audiocraft.abilities import ABILITIES
from webapp.engines.audiocraft.checkpoint_selection import SelectedCheckpoint, select_checkpoint
from webapp.engines.audiocraft.devices import (
    DeviceMemory,
    Precision,
    enter_device,
    free_memory,
    is_out_of_memory,
    reporting_device_loss,
    resolve_device,
    resolve_precision,
)
from webapp.engines.audiocraft.estimates import estimated_bytes
from webapp.engines.audiocraft.factory import build_scheduler, max_batch
from webapp.engines.audiocraft.loading.model_loader import load_model
from webapp.engines.audiocraft.precision import StoredDistances
from webapp.engines.audiocraft.scheduler import Scheduler
from webapp.engines.base import (
    EngineInfo,
    EngineOptions,
    EngineOutOfMemory,
    RequestNotSupported,
    TaskSource,
)
from webapp.weights.catalogue import MODELS, Kind, Usage

logger = logging.getLogger(__name__)

ENGINE = "audiocraft"
MAX_DURATION_S = 180.0
DEFAULT_PRECISION = {"cuda": Precision.FLOAT16, "cpu": Precision.INT8}


@dataclass(frozen=True, slots=True)
class _LoadedFacts:
    """The facts about a loaded model that only loading reveals."""

    usage: Usage
    precision: str
    precision_reason: str


class AudioCraftEngine:
    """Serves the models whose checkpoints are installed. Loads them on demand and keeps them loaded."""

    def __init__(self, options: EngineOptions | None = None) -> None:
        """Raises ModelLoadError for a device or a precision that is unknown or not available here."""
        self._options = options or EngineOptions()
        self._device = resolve_device(self._options.device)
        self._precision = resolve_precision(self._options.precision, self._device)
        if self._options.threads:
            torch.set_num_threads(self._options.threads)
        self._selected: dict[str, SelectedCheckpoint] = {}
        self._loaded: dict[str, Scheduler] = {}
        self._facts: dict[str, _LoadedFacts] = {}
        self.rescan()

    def rescan(self) -> None:
        """Find the installed weights. A loaded model whose weights are replaced must be unloaded before."""
        selected = (
            (
                model,
                select_checkpoint(model, self._options.checkpoints.get(model, ""), self._options.models_dir),
            )
            for model in MODELS
        )
        self._selected = {model: checkpoint for model, checkpoint in selected if checkpoint is not None}

    def available_bytes(self) -> int | None:
        """Return the memory of the device that is available now; None if unknown."""
        return DeviceMemory(self._device).available_bytes()

    @property
    def name(self) -> str:
        return ENGINE

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self._selected)

    def info(self, model: str) -> EngineInfo:
        checkpoint, loaded = self._checkpoint(model), self._loaded.get(model)
        facts = self._facts[model] if loaded else _LoadedFacts(checkpoint.usage, "", "")
        return EngineInfo(
            engine=ENGINE,
            label=f"AudioCraft: {checkpoint.name}",
            model=model,
            max_duration_s=MAX_DURATION_S,
            sample_rate=loaded.sample_rate if loaded else checkpoint.sample_rate,
            channels=loaded.channels if loaded else checkpoint.channels,
            licence=checkpoint.licence,
            max_batch=loaded.capacity if loaded else max_batch(checkpoint.kind, self._device),
            needs_load=True,
            checkpoint=checkpoint.name,
            memory_bytes=estimated_bytes(checkpoint, self._device.type, self._default_precision()),
            device=str(self._device),
            sampling=facts.usage.sampling,
            precision=facts.precision,
            precision_note=facts.precision_reason,
            abilities=ABILITIES.get(model),
            continues=True,
            streams=checkpoint.kind is not Kind.MAGNET,
        )

    def load(self, model: str) -> None:
        checkpoint = self._checkpoint(model)
        if model in self._loaded:
            return
        logger.info("loading model", extra={"model": model, "checkpoint": checkpoint.name})
        with self._on_device():
            try:
                self._facts[model], self._loaded[model] = self._build(checkpoint)
            except Exception as error:
                if is_out_of_memory(error):
                    raise EngineOutOfMemory(f"{checkpoint.name} does not fit into memory") from error
                raise
            finally:
                free_memory(self._device)

    def unload(self, model: str) -> None:
        if model in self._loaded:
            with self._on_device():
                del self._loaded[model]
                free_memory(self._device)

    def serve(self, model: str, source: TaskSource) -> None:
        self.load(model)
        with self._on_device():
            self._loaded[model].serve(source)

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        """Let the calling thread compute on the engine's device inside; its loss becomes DeviceLost."""
        with reporting_device_loss(self._device):
            # Each thread has its own current device, and another thread may have made the engine.
            enter_device(self._device)
            yield

    def _build(self, checkpoint: SelectedCheckpoint) -> tuple[_LoadedFacts, Scheduler]:
        dtype = None
        if self._device.type == "cuda":
            # On CUDA the runner uses these weights themselves; on a CPU it uses repacked copies.
            dtype = (self._precision or Precision.FLOAT16).dtype
        model = load_model(
            checkpoint.folder, self._options.models_dir, checkpoint.kind, device=self._device, dtype=dtype
        )
        distances = StoredDistances(checkpoint.folder, checkpoint.lm_files, self._device.type)
        built = build_scheduler(model, self._precision, distances)
        return _LoadedFacts(model.usage, built.precision.value, built.reason), built.scheduler

    def _default_precision(self) -> Precision:
        """Return the expected precision; `auto` is decided when a model is loaded."""
        return self._precision or DEFAULT_PRECISION.get(self._device.type, Precision.FLOAT32)

    def _checkpoint(self, model: str) -> SelectedCheckpoint:
        if model not in self._selected:
            raise RequestNotSupported(f"there is no checkpoint for {model!r}")
        return self._selected[model]
