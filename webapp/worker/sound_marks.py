"""Makes the marks that the files of a job's sound carry."""

from webapp.audio.marks import BY_RULES, TRAINED, Marks
from webapp.engines.base import EngineInfo
from webapp.engines.sketch.engine import SketchEngine


def marks_of(info: EngineInfo, prompt: str, seed: int, *, is_loop: bool) -> Marks:
    """Return the marks of a sound that an engine made; `prompt` is empty where files shall not hold it."""
    return Marks(
        prompt=prompt,
        model=info.checkpoint or info.engine,
        seed=seed,
        license=info.licence,
        origin=BY_RULES if info.engine == SketchEngine.name else TRAINED,
        is_loop=is_loop,
    )
