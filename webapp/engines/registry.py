"""Engines by name."""

from collections.abc import Callable

from webapp.engines.base import Engine
from webapp.engines.sketch.engine import SketchEngine

_FACTORIES: dict[str, Callable[[], Engine]] = {"sketch": SketchEngine}


def engine_names() -> tuple[str, ...]:
    return tuple(_FACTORIES)


def create_engine(name: str) -> Engine:
    """A new engine, nothing loaded. Raises ValueError for an unknown name."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise ValueError(f"unknown engine {name!r}; known: {', '.join(_FACTORIES)}")
    return factory()
