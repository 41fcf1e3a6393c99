"""Engines by name, and which of them serves which model."""

import importlib.util
import logging
from collections.abc import Callable

from webapp.engines.audiocraft.catalogue import MODELS, choose
from webapp.engines.base import Engine, EngineOptions
from webapp.engines.sketch.engine import SketchEngine

logger = logging.getLogger(__name__)

AUTO = "auto"


def _sketch(_options: EngineOptions) -> Engine:
    return SketchEngine()


def _audiocraft(options: EngineOptions) -> Engine:
    # Brings torch, which takes seconds and which not every process has.
    from webapp.engines.audiocraft.engine import AudioCraftEngine  # noqa: PLC0415

    return AudioCraftEngine(options)


_FACTORIES: dict[str, Callable[[EngineOptions], Engine]] = {"sketch": _sketch, "audiocraft": _audiocraft}


def engine_names() -> tuple[str, ...]:
    return tuple(_FACTORIES)


def create_engine(name: str, options: EngineOptions | None = None) -> Engine:
    """A new engine, nothing loaded. Raises ValueError for an unknown name, and ModelLoadError."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise ValueError(f"unknown engine {name!r}; known: {', '.join(_FACTORIES)}")
    return factory(options or EngineOptions())


def engines_by_model(name: str, options: EngineOptions) -> dict[str, Engine]:
    """The engine for each model; a model that nothing serves is not in it.

    An engine's name gives that engine's models. `auto` gives AudioCraft the models whose weights are
    there and sketch the others; torch is imported only when there is something for it to do. Raises
    ValueError for an unknown name, and ModelLoadError for options that cannot be met.
    """
    if name != AUTO:
        engine = create_engine(name, options)
        return {model: engine for model in MODELS if model in engine.models}
    sketch = create_engine("sketch", options)
    by_model = dict.fromkeys(MODELS, sketch)
    if any(choose(model, options.checkpoints.get(model, ""), options.models_dir) for model in MODELS):
        if importlib.util.find_spec("torch") is None:
            logger.warning("there are weights, but torch is not installed; sketch serves every model")
            return by_model
        neural = create_engine("audiocraft", options)
        by_model |= dict.fromkeys(neural.models, neural)
    return by_model
