"""The shape of an entry of the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import Signal

# Gives the next frames of a sound, shape (2, frames). It keeps its own state from call to call.
Stream: TypeAlias = Callable[[int], Signal]
StreamRenderer: TypeAlias = Callable[[EffectRequest, np.random.Generator], Stream]
# Gives one whole event, shape (frames,) or (2, frames).
EventRenderer: TypeAlias = Callable[[EffectRequest, np.random.Generator], Signal]
Kind: TypeAlias = Literal["continuous", "events"]


@dataclass(frozen=True, slots=True)
class Effect:
    """One sound that can be asked for by its key."""

    key: str
    family: str
    title: str
    kind: Kind
    render: StreamRenderer
    event_s: float = 0.0  # usual length of one event; 0 for what is continuous
    materials: tuple[str, ...] = ()  # those understood; the first is the usual one
    space: str = ""  # where it is heard unless the request says otherwise
