"""Tells a plan in lines for people."""

from collections.abc import Iterator

from webapp.engines.sketch.music.request import DrumRequest, InstrumentRequest, MusicRequest
from webapp.engines.sketch.understanding.plan import EffectLayer, Plan, Scene

_NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
_NUMBERS = {
    "intensity": ("soft", "hard"),
    "size": ("small", "large"),
    "speed": ("slow", "fast"),
    "density": ("sparse", "dense"),
}
_LOW, _HIGH, _FAR = 0.35, 0.65, 0.3


def outline(plan: Plan) -> Iterator[str]:
    """Yield the scenes in their order, then what goes on behind them and what was not understood."""
    if plan.is_empty:
        yield "Nothing in the prompt is a sound or music that sketch knows; a neutral hum stands in for it."
    for number, scene in enumerate(plan.scenes, 1):
        begin = f"Scene {number}: " if len(plan.scenes) > 1 else ""
        if said := "; ".join(_scene(scene)) or ("" if plan.is_empty else "silence"):
            yield begin + said
    if plan.background:
        yield "Throughout: " + "; ".join(_layer(layer) for layer in plan.background)
    if plan.unknown:
        yield "Not understood: " + ", ".join(plan.unknown)


def _scene(scene: Scene) -> Iterator[str]:
    if scene.music is not None:
        yield ", ".join(_music(scene.music))
    for layer in scene.effects:
        yield _layer(layer)
    if scene.fade:
        yield f"fading {scene.fade}"


def _music(request: MusicRequest) -> Iterator[str]:
    yield f"{request.genre} music" if request.genre else "music"
    for instrument in request.instruments:
        yield _instrument(instrument)
    if request.drums is not None:
        yield _drums(request.drums)
    if request.solo:
        yield "nobody else"
    if request.without:
        yield "without " + " or ".join(sorted(request.without))
    if request.tempo_bpm is not None:
        yield f"{request.tempo_bpm:g} beats per minute"
    elif request.tempo_range is not None:
        yield "{:g} to {:g} beats per minute".format(*request.tempo_range)
    if request.beats_per_bar is not None:
        yield f"{request.beats_per_bar} beats in a bar"
    if request.tonic is not None or request.mode:
        tonic = "" if request.tonic is None else _NOTES[request.tonic]
        yield " ".join(word for word in ("in", tonic, request.mode) if word)
    yield from request.moods
    if request.era:
        yield f"as in the {request.era}"


def _instrument(instrument: InstrumentRequest) -> str:
    role = f" ({instrument.role})" if instrument.role else ""
    return f"{instrument.instrument}{role}"


def _drums(drums: DrumRequest) -> str:
    pieces = " and ".join(piece.replace("_", " ") for piece in drums.pieces)
    return f"{drums.kit} drums".strip() + (f" ({pieces})" if pieces else "")


def _layer(layer: EffectLayer) -> str:
    words = [layer.sound.replace("_", " ")]
    if layer.count is not None:
        words.append("once" if layer.count == 1 else f"{layer.count} times")
    for name, (low, high) in _NUMBERS.items():
        value = getattr(layer, name)
        if value < _LOW or value > _HIGH:
            words.append(low if value < _LOW else high)
    if layer.distance > _FAR:
        words.append("far away")
    if layer.material:
        words.append(f"on {layer.material}")
    if layer.space:
        words.append(f"in a {layer.space}" if layer.space != "outdoors" else "outdoors")
    if layer.fade:
        words.append(
            {"in": "fading in", "out": "fading out", "approach": "approaching", "recede": "going away"}[
                layer.fade
            ]
        )
    return ", ".join(words)
