"""Sketch's plan of a prompt, as plain values."""

from dataclasses import dataclass, field

from webapp.engines.sketch.music.request import MusicRequest


@dataclass(frozen=True, slots=True)
class EffectLayer:
    """One sound of the world in a scene; the values are those of an effect's request.

    ``level_db`` is relative to what suits the sound. ``fade`` says how it changes over its scene: "", in,
    out, approach or recede.
    """

    sound: str
    count: int | None = None
    intensity: float = 0.5
    size: float = 0.5
    speed: float = 0.5
    density: float = 0.5
    distance: float = 0.0
    material: str = ""
    space: str = ""
    level_db: float = 0.0
    fade: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Sounds of one time. A scene without music and effects is silence. ``fade`` is "", in or out."""

    music: MusicRequest | None = None
    effects: tuple[EffectLayer, ...] = ()
    fade: str = ""

    @property
    def is_silent(self) -> bool:
        return self.music is None and not self.effects


@dataclass(frozen=True, slots=True)
class Finding:
    """A piece of the prompt, as it was typed, and the meaning it was given."""

    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Scenes one after the other, and the ``background`` that goes on behind all of them.

    ``understood`` and ``unknown`` account for the words of the prompt. ``is_empty`` says that the prompt
    names neither music nor a sound that sketch knows. ``seed`` decides all that the prompt leaves open.
    """

    seed: int
    scenes: tuple[Scene, ...] = ()
    background: tuple[EffectLayer, ...] = ()
    understood: tuple[Finding, ...] = field(default=())
    unknown: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.background and all(scene.is_silent for scene in self.scenes)
