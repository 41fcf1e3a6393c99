"""A request for a sound of the world."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EffectRequest:
    """One sound of the world, as asked for."""

    sound: str  # key of the catalogue, e.g. "dog_bark"
    duration_s: float  # the time there is; continuous sounds fill it, events are placed in it
    count: int | None = None  # how many events; None: what suits the sound and the time
    intensity: float = 0.5  # 0 soft/light … 1 hard/heavy
    size: float = 0.5  # 0 small … 1 large
    speed: float = 0.5  # 0 slow … 1 fast (pace, rotation, rate of events)
    density: float = 0.5  # 0 sparse … 1 dense
    distance: float = 0.0  # 0 close … 1 far away
    material: str = ""  # wood, metal, gravel, snow, …; empty: the usual one
    space: str = ""  # "", room, hall, cave, outdoors, …
