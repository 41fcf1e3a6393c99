"""The sounds of the world in a part, with what its modifiers say of them."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from webapp.engines.sketch.understanding.lexicon import Entry, Lexicon
from webapp.engines.sketch.understanding.plan import EffectLayer
from webapp.engines.sketch.understanding.structure import Part, Source

_BACKGROUND_DB = -4.0
_PLACE_DB = -5.0
_LOWEST_DB, _HIGHEST_DB = -12.0, 6.0
_DEFAULT_INTENSITY = 0.5


def effect_layers(part: Part, words: Lexicon) -> Iterator[tuple[EffectLayer, Source]]:
    """Yield each sound once, with the source that named it. Sounds that are not wanted are left out, and so
    is what is only named more closely elsewhere: of "rain" and "on a tin roof" the rain on the roof is left.
    """
    unwanted = {
        sound for clause in part.clauses for entry in clause.unwanted for sound in _sounds(entry, words)
    }
    free = [entry for clause in part.clauses for entry in clause.free]
    layers: dict[str, tuple[EffectLayer, Source]] = {}
    for source in part.sources:
        behind_db = _PLACE_DB if source.entry.kind == "place" and len(part.sources) > 1 else 0.0
        for named, level_db in _sounds(source.entry, words).items():
            for sound in _wanted_parts(named, unwanted, words):
                layer = _shaped(EffectLayer(sound, level_db=level_db + behind_db), source, free)
                if sound not in layers or source.modifiers:
                    layers[sound] = (layer, source)
    for sound, (layer, source) in layers.items():
        if not any(other.startswith(f"{sound}_") for other in layers):
            yield layer, source


def _wanted_parts(sound: str, unwanted: Collection[str], words: Lexicon) -> Iterable[str]:
    """The sound; or, when it is made of several and one of them is not wanted, the others."""
    parts = words.made_of.get(sound, ())
    if any(_is_among(part, unwanted) for part in parts):
        return [part for part in parts if not _is_among(part, unwanted)]
    return [] if _is_among(sound, unwanted) else [sound]


def _is_among(sound: str, unwanted: Collection[str]) -> bool:
    """Return whether a sound is one of these or a kind of one: heavy rain is a kind of rain."""
    return any(sound == other or sound.startswith(f"{other}_") for other in unwanted)


def _sounds(entry: Entry, words: Lexicon) -> dict[str, float]:
    """The sounds that a source stands for, and their levels in dB."""
    match entry.kind:
        case "sound":
            return {entry.key: 0.0}
        case "subject":
            usual = words.usual[entry.key]
            return {usual: 0.0} if usual else {}
        case "place":
            return dict(words.places[entry.key])
        case _:
            return {}


def _shaped(layer: EffectLayer, source: Source, free: list[Entry]) -> EffectLayer:
    intensity, level_db = _DEFAULT_INTENSITY, layer.level_db
    values: dict[str, float | str] = {}
    for entry in (*free, *source.modifiers):
        match entry.kind:
            case "intensity":
                change, change_db = map(float, entry.key.split())
                intensity, level_db = intensity + change, level_db + change_db
            case "size" | "speed" | "density" | "distance":
                values[entry.kind] = float(entry.key)
            case "material" | "space" | "fade":
                values[entry.kind] = entry.key
            case _:
                pass
    if source.is_background:
        level_db += _BACKGROUND_DB
    return replace(
        layer,
        count=source.count,
        intensity=round(min(1.0, max(0.05, intensity)), 3),
        level_db=min(_HIGHEST_DB, max(_LOWEST_DB, level_db)),
        **values,  # type: ignore[arg-type]  # each under the name of a field of its type
    )
