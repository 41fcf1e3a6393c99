"""Engines by name."""

from collections.abc import Callable

from webapp.engines.base import Engine, EngineOptions
from webapp.engines.sketch.engine import SketchEngine


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
