"""All sounds of the world, by their keys."""

from collections.abc import Mapping
from types import MappingProxyType

from webapp.engines.sketch.effects import (
    appliances,
    bells,
    birds,
    cinematic,
    crowds,
    devices,
    doors,
    farm,
    fire,
    gadgets,
    games,
    household,
    insects,
    moans,
    objects,
    people,
    pets,
    poultry,
    signals,
    steps,
    tools,
    travel,
    vehicles,
    water,
    weapons,
    weather,
    wild,
)
from webapp.engines.sketch.effects.effect import Effect

__all__ = ["EFFECTS", "Effect"]

_FAMILIES = (
    pets,
    farm,
    poultry,
    wild,
    birds,
    insects,
    people,
    moans,
    crowds,
    weather,
    water,
    fire,
    steps,
    doors,
    objects,
    bells,
    signals,
    vehicles,
    travel,
    tools,
    appliances,
    household,
    devices,
    gadgets,
    weapons,
    games,
    cinematic,
)

EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {effect.key: effect for family in _FAMILIES for effect in family.EFFECTS}
)
