"""Creates engines by name, and decides which engine serves which model."""

import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from webapp.engines.audiocraft.checkpoint_selection import (
    SelectedCheckpoint,
    explain_unavailable,
    select_checkpoint,
)
from webapp.engines.base import Engine, EngineOptions, ModelLoadError
from webapp.engines.memory import HostMemory
from webapp.engines.sketch.engine import SketchEngine
from webapp.weights.catalogue import MODELS

logger = logging.getLogger(__name__)

AUTO = "auto"
SKETCH = "sketch"
AUDIOCRAFT = "audiocraft"


class NeuralEngine(Engine, Protocol):
    """An engine that finds weights in a folder and has a device with memory."""

    def rescan(self) -> None:
        """Find the installed weights again. Models whose weights were replaced must be unloaded before."""
        ...

    def available_bytes(self) -> int | None:
        """Return the memory of its device that is available now; None if unknown."""
        ...


def _audiocraft(options: EngineOptions) -> NeuralEngine:
    # Imports torch, which takes seconds and is not installed everywhere.
    try:
        from webapp.engines.audiocraft.engine import AudioCraftEngine  # noqa: PLC0415
    except ImportError as error:
        raise ModelLoadError(f"AudioCraft needs a package that cannot be imported: {error}") from error
    return AudioCraftEngine(options)


_FACTORIES: dict[str, Callable[[EngineOptions], Engine]] = {
    SKETCH: lambda _options: SketchEngine(),
    AUDIOCRAFT: _audiocraft,
}


def create_engine(name: str, options: EngineOptions | None = None) -> Engine:
    """Create an engine with nothing loaded. Raises ValueError for an unknown name, and ModelLoadError."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise ValueError(f"unknown engine {name!r}; known: {', '.join(_FACTORIES)}")
    return factory(options or EngineOptions())


@dataclass(frozen=True, slots=True)
class Weights:
    """The checkpoint that AudioCraft would serve for a model, and when its files were last written."""

    checkpoint: SelectedCheckpoint
    written_ns: tuple[int, ...]


class EngineDirectory:
    """Assigns an engine to each model, by the engine's name and the installed weights.

    An engine's name selects that engine for all its models. `auto` gives AudioCraft the models whose weights
    are installed and sketch the others, except those whose checkpoint was requested by name: it is not
    replaced. torch is imported only when a model needs it.
    """

    def __init__(self, name: str, options: EngineOptions) -> None:
        """Raises ValueError for an unknown name."""
        if name not in (AUTO, *_FACTORIES):
            raise ValueError(f"unknown engine {name!r}; known: {AUTO}, {', '.join(_FACTORIES)}")
        self._name = name
        self._options = options
        self._sketch = SketchEngine()
        self._neural: NeuralEngine | None = None
        self._host = HostMemory()

    def installed_weights(self) -> Mapping[str, Weights]:
        """Return the installed weights by model; cheap, and may be called by any thread."""
        if self._name == SKETCH:
            return {}
        found = {}
        for model in MODELS:
            checkpoint = select_checkpoint(
                model, self._options.checkpoints.get(model, ""), self._options.models_dir
            )
            if checkpoint is not None:
                found[model] = Weights(checkpoint, _written_ns(checkpoint))
        return found

    def refusals(self) -> dict[str, str]:
        """Return, by model, why a checkpoint that was requested by name cannot be served.

        May be called by any thread.
        """
        if self._name == SKETCH:
            return {}
        requested = {model: name for model, name in self._options.checkpoints.items() if name}
        if requested and importlib.util.find_spec("torch") is None:
            reason = "its checkpoint was requested by name, and torch is not installed"
            return dict.fromkeys(requested, reason)
        models_dir = self._options.models_dir
        reasons = {model: explain_unavailable(model, name, models_dir) for model, name in requested.items()}
        return {model: reason for model, reason in reasons.items() if reason}

    def engines(self, found: Mapping[str, Weights]) -> dict[str, Engine]:
        """Return the engine of each model; models that no engine serves are left out.

        Models whose weights changed must be unloaded before. Raises ModelLoadError for a device or precision
        that is not available.
        """
        by_model: dict[str, Engine] = {}
        if self._name != AUDIOCRAFT:
            refused = self.refusals()
            by_model = {model: self._sketch for model in MODELS if model not in refused}
        if not self._wants_neural(found):
            return by_model
        if self._neural is None:
            self._neural = _audiocraft(self._options)
        else:
            self._neural.rescan()
        return by_model | dict.fromkeys(self._neural.models, self._neural)

    def available_bytes(self) -> int | None:
        """Return the memory available for models now, on the engine's device; None if unknown."""
        return (self._neural or self._host).available_bytes()

    def _wants_neural(self, found: Mapping[str, Weights]) -> bool:
        if self._name == AUDIOCRAFT:
            return True
        if not found and self._neural is None:
            return False
        missing = [name for name in ("torch", "audiocraft") if importlib.util.find_spec(name) is None]
        if missing:
            logger.warning(
                "there are weights, but %s is not installed; sketch serves every model."
                " `soundloom models setup` installs it",
                " and ".join(missing),
            )
            return False
        return True


def _written_ns(checkpoint: SelectedCheckpoint) -> tuple[int, ...]:
    times = []
    for path in checkpoint.files:
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)
