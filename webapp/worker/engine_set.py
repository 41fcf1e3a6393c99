"""Which engine serves which model in this worker, and which models are in memory."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from webapp.engines.base import (
    Engine,
    EngineError,
    EngineInfo,
    EngineOptions,
    ExplainsPrompts,
    GenerationRequest,
    ModelLoadError,
    RequestNotSupported,
    TaskSource,
    Understanding,
)
from webapp.engines.manager import Limits, Loaded, MemoryMeter, ModelManager, ModelState, ModelStatus
from webapp.engines.memory import HostMemory
from webapp.engines.registry import EngineDirectory, Weights
from webapp.errors import SettingsError
from webapp.policy.generation import MAX_TAKES, MODELS
from webapp.settings import Settings
from webapp.worker.checkpoint_names import check_checkpoints

logger = logging.getLogger(__name__)

UNAVAILABLE = "unavailable"
NO_WEIGHTS = "There are no weights for it in the models folder"
FOR_OTHERS = "This worker was started for other models"
BYTES_PER_MB = 1_000_000


class EngineSet:
    """The engines of one worker, by model.

    What loads, generates or unloads belongs to one thread; the rest may be asked by any.
    """

    def __init__(
        self,
        by_model: Mapping[str, Engine],
        *,
        limits: Limits | None = None,
        directory: EngineDirectory | None = None,
        found: Mapping[str, Weights] | None = None,
        only: Collection[str] = MODELS,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`directory` says what serves a model as weights, now those of `found`, come and go.

        Models that are not in `only` are not served, whatever there is for them.
        """
        self._only = frozenset(only)
        self.changed: Callable[[], object] = lambda: None
        self.loaded: Loaded = lambda *_, **__: None
        self._directory = directory
        self._found = dict(found or {})
        self._now_s = now_s
        host = HostMemory()
        meter: MemoryMeter = directory or host
        self._manager = ModelManager(
            self._wanted(by_model),
            meter,
            limits,
            now_s=now_s,
            changed=self._tell,
            loaded=self._loaded,
            host=host,
        )

    @classmethod
    def from_settings(cls, settings: Settings, only: Collection[str] = MODELS) -> "EngineSet":
        """The engines that the settings ask for, for the models of `only`.

        Raises SettingsError for what cannot be had here.
        """
        check_checkpoints(settings)
        options = EngineOptions(
            models_dir=settings.models_path,
            checkpoints=settings.checkpoints,
            device=settings.device,
            precision=settings.precision,
            threads=settings.threads,
        )
        directory = EngineDirectory(settings.engine, options)
        found = _of(directory.installed_weights(), only)
        try:
            by_model = directory.engines(found)
        except EngineError as error:
            raise SettingsError(f"SOUNDLOOM_ENGINE={settings.engine} cannot be used: {error}.") from error
        for model, reason in directory.refusals().items():
            if model not in only:
                continue
            logger.error("a checkpoint cannot be served: %s", reason, extra={"model": model})
        limits = Limits(
            idle_s=settings.model_idle_s, reserve_bytes=settings.model_memory_reserve_mb * BYTES_PER_MB
        )
        return cls(by_model, limits=limits, directory=directory, found=found, only=only)

    def _wanted(self, by_model: Mapping[str, Engine]) -> dict[str, Engine]:
        return {model: engine for model, engine in by_model.items() if model in self._only}

    def _tell(self) -> None:
        self.changed()

    def _loaded(self, model: str, seconds: float, *, is_ready: bool) -> None:
        self.loaded(model, seconds, is_ready=is_ready)

    @property
    def device(self) -> str:
        """Return this worker's device, as torch names it."""
        devices = [self.info(model).device for model in self._manager.status()]
        return next((device for device in devices if device != "cpu"), "cpu")

    def info(self, model: str) -> EngineInfo:
        """Return the capabilities of a model's engine. Raises RequestNotSupported where nothing serves it."""
        return self._manager.engine(model).info(model)

    def explain(self, request: GenerationRequest) -> Understanding | None:
        """Return how a model's engine reads a prompt; None if it cannot tell. Raises RequestNotSupported."""
        engine = self._manager.engine(request.model)
        return engine.explain(request) if isinstance(engine, ExplainsPrompts) else None

    def places(self, model: str) -> int:
        """Return how many sounds of a model are made at once."""
        try:
            return self.info(model).max_batch
        except RequestNotSupported:
            return 1

    def serve(self, model: str, source: TaskSource) -> None:
        """Let a model's engine generate what the source gives, loading it first. Raises EngineError."""
        if model not in self._manager.status():
            raise ModelLoadError(self.refusals().get(model, NO_WEIGHTS))
        self._manager.serve(model, source)

    def load(self, model: str) -> None:
        """Load a model now, also one that could not be loaded just before. Raises EngineError."""
        self._manager.load(model, even_if_it_just_failed=True)

    def unload(self, model: str) -> None:
        """Give back a model's memory."""
        self._manager.unload(model)

    def pin(self, model: str, *, is_pinned: bool) -> None:
        """Keep a model in memory once it is loaded, or no longer. May be called by any thread."""
        if is_pinned:
            self._manager.pin(model)
        else:
            self._manager.unpin(model)

    def has_idle(self) -> bool:
        """Return whether there is anything for `unload_idle` to do. May be called by any thread."""
        return bool(self._manager.idle())

    def unload_idle(self) -> None:
        """Unload what nobody used for the idle time."""
        self._manager.unload_idle()

    def _checkpoints(self) -> list[str]:
        """Return the checkpoints on this worker's disk that it serves."""
        return sorted({weights.checkpoint.name for weights in self._found.values()})

    def status(self) -> dict[str, ModelStatus]:
        """Return the state of each served model."""
        return self._manager.status()

    def loading_for_s(self) -> dict[str, float]:
        """The models that are being loaded, and for how long."""
        return {
            status.model: self._now_s() - status.loading_since_s
            for status in self._manager.status().values()
            if status.state is ModelState.LOADING
        }

    def has_other_weights(self) -> bool:
        """Return whether weights came, went or were replaced; reads folders. Any thread may call it."""
        return self._directory is not None and self._installed(self._directory) != self._found

    def rescan(self) -> None:
        """Serve each model by what there is for it now."""
        if self._directory is None:
            return
        found = self._installed(self._directory)
        changed = {model for model in MODELS if found.get(model) != self._found.get(model)}
        self._found = dict(found)
        for model in changed & set(self._manager.status()):
            self._manager.unload(model)
        try:
            by_model = self._directory.engines(found)
        except EngineError:
            logger.exception("the weights that were found cannot be used")
            return
        logger.info("weights changed", extra={"models": ",".join(sorted(changed))})
        self._manager.adopt(self._wanted(by_model), changed)

    def _installed(self, directory: EngineDirectory) -> Mapping[str, Weights]:
        return _of(directory.installed_weights(), self._only)

    def refusals(self) -> dict[str, str]:
        """Why models are not served whose checkpoint was asked for by name; may be called by any thread."""
        return self._directory.refusals() if self._directory else {}

    def report(self) -> dict[str, Any]:
        """Return each model's entry for the service's status."""
        status = self._manager.status()
        refusals = self.refusals() if len(status) < len(MODELS) else {}
        return {
            "models": {
                model: _entry(self.info(model), status[model])
                if model in status
                else self._entry_of_none(model, refusals)
                for model in MODELS
            },
            "makes": [model for model in MODELS if model in status],
            "checkpoints": self._checkpoints(),
        }

    def _entry_of_none(self, model: str, refusals: Mapping[str, str]) -> dict[str, Any]:
        """Return the entry of a model that this worker does not serve."""
        if model not in self._only:
            return NOT_SERVED | {"error": FOR_OTHERS}
        return _not_served(refusals.get(model, ""))


NOT_SERVED = {
    "state": UNAVAILABLE,
    "engine": "",
    "label": "not installed",
    "checkpoint": "",
    "license": "",
    "max_duration_s": 180.0,
    "places": 1,
    "error": NO_WEIGHTS,
    "is_pinned": False,
    "memory_mb": 0,
    "sampling": {},
    "precision": "",
    "precision_note": "",
    "abilities": None,
    "needs_load": False,
    "melody": False,
    "melody_note": "",
}


def _of(found: Mapping[str, Weights], models: Collection[str]) -> dict[str, Weights]:
    return {model: weights for model, weights in found.items() if model in models}


def _not_served(refusal: str) -> dict[str, Any]:
    if not refusal:
        return dict(NOT_SERVED)
    return NOT_SERVED | {"state": ModelState.ERROR.value, "error": refusal}


def _entry(info: EngineInfo, status: ModelStatus) -> dict[str, Any]:
    is_in_memory = info.needs_load and status.state is ModelState.READY
    return {
        "state": status.state.value,
        "engine": info.engine,
        "label": info.label,
        "checkpoint": info.checkpoint,
        "license": info.licence,
        "max_duration_s": info.max_duration_s,
        "places": info.max_batch,
        "error": status.error,
        "is_pinned": status.is_pinned,
        "memory_mb": status.memory_bytes // BYTES_PER_MB if is_in_memory else 0,
        "sampling": dict(info.sampling),
        "precision": info.precision,
        "precision_note": info.precision_note,
        "abilities": asdict(info.abilities) if info.abilities else None,
        "needs_load": info.needs_load,
        "melody": info.melody,
        "melody_note": info.melody_note,
        "can": {
            "text": True,
            "continue": info.continues,
            "melody": info.melody,
            "stream": info.streams,
            "takes": MAX_TAKES,
            "longest": info.max_duration_s,
        },
    }
