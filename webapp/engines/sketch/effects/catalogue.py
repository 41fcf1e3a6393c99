"""All sounds of the world, by their keys."""

from collections.abc import Mapping
from types import MappingProxyType

from webapp.engines.sketch.effects.animals import birds, farm, insects, pets, poultry, wild
from webapp.engines.sketch.effects.effect import Effect
from webapp.engines.sketch.effects.media import cinematic, games, weapons
from webapp.engines.sketch.effects.nature import fire, water, weather
from webapp.engines.sketch.effects.people import crowds, moans, people, steps
from webapp.engines.sketch.effects.things import (
    appliances,
    bells,
    devices,
    doors,
    gadgets,
    household,
    objects,
    signals,
    tools,
    travel,
    vehicles,
)

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
