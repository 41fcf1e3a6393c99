"""Engines by name, and which of them serves which model."""

import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from webapp.engines.audiocraft.checkpoint_selection import Choice, choose, why_not
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
        """Look again which weights there are. What they replace must be unloaded."""
        ...

    def available_bytes(self) -> int | None:
        """Memory of its device that could be used now; None when that cannot be known."""
        ...


def _audiocraft(options: EngineOptions) -> NeuralEngine:
    # Brings torch, which takes seconds and which not every process has.
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
    """A new engine, nothing loaded. Raises ValueError for an unknown name, and ModelLoadError."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise ValueError(f"unknown engine {name!r}; known: {', '.join(_FACTORIES)}")
    return factory(options or EngineOptions())


@dataclass(frozen=True, slots=True)
class Weights:
    """The checkpoint that AudioCraft would serve for a model, and when its files were last written."""

    choice: Choice
    written_ns: tuple[int, ...]


class EngineDirectory:
    """The engine of each model, as it follows from an engine's name and the weights there are.

    An engine's name gives that engine's models. `auto` gives AudioCraft the models whose weights are
    there and sketch the others, but for those whose checkpoint was asked for by name: who asks for one wants
    no other. torch is imported only when there is something for it to do.
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

    def look(self) -> Mapping[str, Weights]:
        """The weights there are now, by model; cheap, and may be called by any thread."""
        if self._name == SKETCH:
            return {}
        found = {}
        for model in MODELS:
            choice = choose(model, self._options.checkpoints.get(model, ""), self._options.models_dir)
            if choice is not None:
                found[model] = Weights(choice, _written_ns(choice))
        return found

    def refusals(self) -> dict[str, str]:
        """Why a checkpoint that was asked for by name cannot be served, by model.

        May be called by any thread.
        """
        if self._name == SKETCH:
            return {}
        asked = {model: name for model, name in self._options.checkpoints.items() if name}
        if asked and importlib.util.find_spec("torch") is None:
            return dict.fromkeys(asked, "its checkpoint was asked for by name, and torch is not installed")
        reasons = {model: why_not(model, name, self._options.models_dir) for model, name in asked.items()}
        return {model: reason for model, reason in reasons.items() if reason}

    def engines(self, found: Mapping[str, Weights]) -> dict[str, Engine]:
        """The engine for each model; a model that nothing serves is not in it.

        What was served by weights that are no longer as they were must have been unloaded. Raises
        ModelLoadError for a device or precision that cannot be had.
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
        """Memory that models could be loaded into now, on whatever device that is; None if unknown."""
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


def _written_ns(choice: Choice) -> tuple[int, ...]:
    times = []
    for path in choice.files:
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)
