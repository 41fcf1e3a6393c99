"""The engine: MusicGen, AudioGen and MAGNeT behind the same door as any other."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from webapp.engines.audiocraft.abilities import ABILITIES
from webapp.engines.audiocraft.checkpoint_selection import Choice, choose
from webapp.engines.audiocraft.devices import (
    DeviceMemory,
    Precision,
    enter_device,
    free_memory,
    is_out_of_memory,
    losses_told,
    resolve_device,
    resolve_precision,
)
from webapp.engines.audiocraft.estimates import estimated_bytes
from webapp.engines.audiocraft.factory import build, max_jobs
from webapp.engines.audiocraft.loading.model_loader import load_model
from webapp.engines.audiocraft.precision import KeptInFolder
from webapp.engines.audiocraft.scheduler import Server
from webapp.engines.base import (
    EngineInfo,
    EngineOptions,
    EngineOutOfMemory,
    RequestNotSupported,
    TaskSource,
)
from webapp.weights.catalogue import MODELS, Usage

logger = logging.getLogger(__name__)

ENGINE = "audiocraft"
MAX_DURATION_S = 180.0
USUAL_PRECISION = {"cuda": Precision.FLOAT16, "cpu": Precision.INT8}


@dataclass(frozen=True, slots=True)
class _Told:
    """The log's facts about a loaded model."""

    usage: Usage
    precision: str
    precision_note: str


class AudioCraftEngine:
    """Serves those models whose checkpoints are there. Loads on demand, and keeps what it has loaded."""

    def __init__(self, options: EngineOptions | None = None) -> None:
        """Raises ModelLoadError for a device or a precision that there is not."""
        self._options = options or EngineOptions()
        self._device = resolve_device(self._options.device)
        self._precision = resolve_precision(self._options.precision, self._device)
        if self._options.threads:
            torch.set_num_threads(self._options.threads)
        self._choices: dict[str, Choice] = {}
        self._loaded: dict[str, Server] = {}
        self._told: dict[str, _Told] = {}
        self.rescan()

    def rescan(self) -> None:
        """Look which weights there are. A loaded model whose weights are replaced must be unloaded before."""
        chosen = (
            (model, choose(model, self._options.checkpoints.get(model, ""), self._options.models_dir))
            for model in MODELS
        )
        self._choices = {model: choice for model, choice in chosen if choice is not None}

    def available_bytes(self) -> int | None:
        """Memory of the device that could be used now; None when that cannot be known."""
        return DeviceMemory(self._device).available_bytes()

    @property
    def name(self) -> str:
        return ENGINE

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self._choices)

    def info(self, model: str) -> EngineInfo:
        choice, loaded = self._choice(model), self._loaded.get(model)
        told = self._told[model] if loaded else _Told(choice.usage, "", "")
        return EngineInfo(
            engine=ENGINE,
            label=f"AudioCraft: {choice.name}",
            model=model,
            max_duration_s=MAX_DURATION_S,
            sample_rate=loaded.sample_rate if loaded else choice.sample_rate,
            channels=loaded.channels if loaded else choice.channels,
            licence=choice.licence,
            max_batch=loaded.capacity if loaded else max_jobs(choice.kind, self._device),
            needs_load=True,
            checkpoint=choice.name,
            memory_bytes=estimated_bytes(choice, self._device.type, self._usual_precision()),
            device=str(self._device),
            sampling=told.usage.sampling,
            precision=told.precision,
            precision_note=told.precision_note,
            abilities=ABILITIES.get(model),
        )

    def load(self, model: str) -> None:
        choice = self._choice(model)
        if model in self._loaded:
            return
        logger.info("loading model", extra={"model": model, "checkpoint": choice.name})
        with self._at_device():
            try:
                self._told[model], self._loaded[model] = self._server(choice)
            except Exception as error:
                if is_out_of_memory(error):
                    raise EngineOutOfMemory(f"{choice.name} does not fit into memory") from error
                raise
            finally:
                free_memory(self._device)

    def unload(self, model: str) -> None:
        if model in self._loaded:
            with self._at_device():
                del self._loaded[model]
                free_memory(self._device)

    def serve(self, model: str, source: TaskSource) -> None:
        self.load(model)
        with self._at_device():
            self._loaded[model].serve(source)

    @contextmanager
    def _at_device(self) -> Iterator[None]:
        """Inside, the calling thread computes on the engine's device, and is told if it is lost."""
        with losses_told(self._device):
            # The thread that calls need not be the one that made the engine, and a device is a thread's own.
            enter_device(self._device)
            yield

    def _server(self, choice: Choice) -> tuple[_Told, Server]:
        dtype = None
        if self._device.type == "cuda":
            # Computed with as it is; a processor computes with copies in an order of its own.
            dtype = (self._precision or Precision.FLOAT16).dtype
        model = load_model(
            choice.folder, self._options.models_dir, choice.kind, device=self._device, dtype=dtype
        )
        known = KeptInFolder(choice.folder, choice.lm_files, self._device.type)
        built = build(model, self._precision, known)
        return _Told(model.usage, built.precision.value, built.note), built.server

    def _usual_precision(self) -> Precision:
        """Return the usual precision; `auto` is decided when a model is loaded."""
        return self._precision or USUAL_PRECISION.get(self._device.type, Precision.FLOAT32)

    def _choice(self, model: str) -> Choice:
        if model not in self._choices:
            raise RequestNotSupported(f"there is no checkpoint for {model!r}")
        return self._choices[model]
